"""The owner hears of a key that is refused or whose account is empty: once, however often it fails."""

import logging
from collections.abc import Mapping
from typing import Final

from bot import words
from bot.catalogue import Catalogue, Language
from bot.owner import Owner
from bot.storage.port import SqlValue, Statement, Storage

log = logging.getLogger(__name__)

_WORDS: Final[Mapping[str, str]] = {"auth": words.KEY_REFUSED, "billing": words.KEY_EXHAUSTED}


class KeyAlerts:
    """Looks for failed keys that nobody was told of. A key that answers again is told of anew when it next fails."""

    def __init__(self, storage: Storage, owner: Owner, catalogue: Catalogue, language: Language) -> None:
        self._storage = storage
        self._owner = owner
        self._catalogue = catalogue
        self._language = language

    async def look(self) -> None:
        """Tell the owner; what cannot be told now is told at a later look. Raises StorageError."""
        for row in await self._storage.read("cooldowns.untold", {}):
            key: dict[str, SqlValue] = {name: row[name] for name in ("provider", "server", "key_label", "reason")}
            text = self._catalogue.say(
                self._language, _WORDS[row["reason"]], provider=row["provider"], key=row["key_label"]
            )
            # The same failure makes the same row, so a crash before the next line repeats nothing.
            source_id = ":".join(str(value) for value in ("key", *key.values(), row["since_ms"]))
            if await self._owner.tell(source_id, text):
                await self._storage.commit([Statement("cooldowns.told", key)])
                log.warning("A key needs its owner", extra=key)
