"""The owner's own chat: where the bot says what nobody asked for."""

from collections.abc import Callable

from bot.catalogue import Language
from bot.delivery.item import Kind, Source
from bot.pipeline.outgoing import Outgoing, Queued
from bot.settings.model import Settings
from bot.settings.owners import owner_chat, owner_chats
from bot.storage.port import Storage
from channels.message import Destination, OutboundMessage
from routing.table import Table


class Owner:
    """Knows the owner's chats and writes there. `table` gives the bindings in force."""

    def __init__(self, settings: Settings, outgoing: Outgoing, storage: Storage, table: Callable[[], Table]) -> None:
        self._settings = settings
        self._outgoing = outgoing
        self._storage = storage
        self._table = table

    def chat(self, agent: str | None = None) -> Destination | None:
        """Where `agent` would speak to an owner, see `owner_chat`; None: nobody is an owner."""
        return owner_chat(self._settings, self._table(), agent)

    async def tell(self, source_id: str, text: str, kind: Kind = "notice") -> bool:
        """Queue `text`, once for each `source_id`; False where no owner can be reached now. Raises StorageError."""
        queued = self.queue(source_id, text, kind)
        if queued is None:
            return False
        await self._storage.commit(queued.statements)
        self._outgoing.leave(queued)
        return True

    def queue(self, source_id: str, text: str, kind: Kind = "notice") -> Queued | None:
        """The same as rows for a transaction of the caller's; None where no owner can be reached now."""
        for chat in owner_chats(self._settings):
            channel = self._outgoing.channel(chat)
            if channel is not None:
                source = Source("house", source_id)
                return self._outgoing.queue(channel, OutboundMessage(chat, text), kind, source, self._settings.language)
        return None

    @property
    def language(self) -> Language:
        return self._settings.language

    @property
    def is_known(self) -> bool:
        return any(True for _ in owner_chats(self._settings))
