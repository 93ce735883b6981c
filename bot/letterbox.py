"""The chats that an agent may write to on its owner's behalf, and the way there."""

import uuid
from collections.abc import Iterator, Sequence

from typing_extensions import override

from bot.catalogue import Language
from bot.delivery.item import Source
from bot.pipeline.gate import Gate
from bot.pipeline.outgoing import Outgoing
from bot.settings.model import Settings
from bot.tools.chats import OtherChats
from bot.tools.port import Effect, ToolFailed
from channels.message import Destination, OutboundMessage


class Letterbox(OtherChats):
    """Owners' direct chats, the groups that the settings list, and those to which an owner added the bot."""

    def __init__(self, settings: Settings, gate: Gate, outgoing: Outgoing) -> None:
        self._settings = settings
        self._gate = gate
        self._outgoing = outgoing

    @override
    def names(self) -> Sequence[str]:
        return [_name(chat) for chat in dict.fromkeys(self._chats()) if self._outgoing.channel(chat) is not None]

    @override
    def post(self, chat: str, text: str, language: Language) -> Effect:
        to = next((each for each in self._chats() if _name(each) == chat), None)
        channel = None if to is None else self._outgoing.channel(to)
        if to is None or channel is None:
            raise ToolFailed("there is no such chat: chats_list names them")
        source = Source("tool", uuid.uuid4().hex)
        queued = self._outgoing.queue(channel, OutboundMessage(to, text, "markdown"), "notice", source, language)
        return Effect(queued.statements, lambda: self._outgoing.leave(queued))

    def _chats(self) -> Iterator[Destination]:
        for name, config in self._settings.channels.items():
            for account in config.accounts if config.enabled else ():
                yield from (Destination(name, account, chat) for chat in (*config.owners, *config.groups))
        yield from (Destination(*place) for place in sorted(self._gate.chats.admitted))


def _name(chat: Destination) -> str:
    return f"{chat.channel}:{chat.account}:{chat.chat}"
