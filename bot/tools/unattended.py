"""On whose behalf an agent works while nobody talks with it: in a background task, in a job, in a heartbeat."""

from collections.abc import Callable

from bot.catalogue import Language
from bot.tools.port import Audience, Principal
from channels.message import Destination

IsOwner = Callable[[str, str], bool]
"""Whether a channel's settings name the sender as an owner: (channel, sender)."""


def unattended(
    agent: str, session_key: str, place: Destination, sender: str, language: Language, is_owner: IsOwner
) -> Principal:
    """`place` hears the answer. Nobody is there to be asked whether a tool may be used.

    Who else reads the chat is not known: but for the sender's own direct chat the tools are those of a group.
    """
    audience: Audience = "group"
    if place.chat == sender:
        audience = "owner" if is_owner(place.channel, sender) else "direct"
    return Principal(audience, agent, session_key, place, sender, language, can_confirm=False)
