"""Which model an owner chose for a session."""

from bot.storage.port import Statement, Storage
from channels.clock import Clock, unix_ms


class ModelChoices:
    """One choice a session key; it outlives `/new`."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    async def of(self, session_key: str) -> str | None:
        """The chosen `model_name`; None: the agent's own. Raises StorageError."""
        rows = await self._storage.read("choices.of", {"session_key": session_key})
        return rows[0]["model"] if rows else None

    def choose(self, session_key: str, model: str) -> Statement:
        now_ms = unix_ms(self._clock.now())
        return Statement("choices.choose", {"session_key": session_key, "model": model, "now_ms": now_ms})

    def forget(self, session_key: str) -> Statement:
        """Take the agent's own again."""
        return Statement("choices.forget", {"session_key": session_key})
