"""Where the owners can be written to, as the settings name them."""

from collections.abc import Iterator

from bot.settings.model import Settings
from channels.message import Destination
from routing.address import Address, Peer
from routing.reverse import first_leading_to
from routing.table import Table


def owner_chats(settings: Settings) -> Iterator[Destination]:
    """The direct chat of every owner with every bot account, in the order of the settings."""
    for name, config in settings.channels.items():
        if config.enabled:
            for owner in config.owners:
                yield from (Destination(name, account, owner) for account in config.accounts)


def owner_chat(settings: Settings, table: Table, agent: str | None) -> Destination | None:
    """A direct chat of the first owner whom `agent` answers there, so that it speaks through its own bot.

    Where it answers no owner, and for no agent, the first owner's by the first bot; None: nobody is an owner.
    """
    chats = list(owner_chats(settings))
    leading = None if agent is None else first_leading_to(table, agent, map(_address, chats))
    if leading is not None:
        return Destination(leading.channel, leading.account, leading.peer.id)
    return chats[0] if chats else None


def _address(chat: Destination) -> Address:
    return Address(chat.channel, chat.account, Peer("direct", chat.chat), sender=chat.chat)
