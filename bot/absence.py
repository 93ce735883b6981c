"""The owner hears when the bot was away from a platform for longer than it keeps what people wrote."""

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Final, Protocol

from bot import words
from bot.catalogue import Catalogue
from bot.channel_memory import ChannelMemory
from bot.owner import Owner
from bot.storage.port import Storage
from channels.clock import Clock, from_unix_ms, unix_ms

log = logging.getLogger(__name__)

# https://core.telegram.org/bots/api#getting-updates; Discord's channels are read back as far.
KEPT: Final = timedelta(hours=24)
_NAME: Final = "heard_ms"


class Account(Protocol):
    """What a channel host tells of its account."""

    @property
    def name(self) -> str: ...

    @property
    def account(self) -> str: ...

    @property
    def needs_token(self) -> bool: ...

    @property
    def condition(self) -> str: ...


class Absence:
    """Remembers when each platform was last heard. What nobody can be told now is told at a later look."""

    def __init__(self, storage: Storage, clock: Clock, owner: Owner, catalogue: Catalogue) -> None:
        self._storage = storage
        self._clock = clock
        self._owner = owner
        self._catalogue = catalogue

    async def look(self, accounts: Sequence[Account]) -> None:
        """Raises StorageError."""
        for account in accounts:
            if account.needs_token and account.condition == "running":
                await self._look_at(account)

    async def _look_at(self, account: Account) -> None:
        memory = ChannelMemory(self._storage, account.name, account.account)
        last = (await memory.recall(_NAME)).get(_NAME)
        now = self._clock.now()
        if last is not None and now - from_unix_ms(int(last)) > KEPT and not await self._tell(account, last):
            return
        await memory.remember({_NAME: str(unix_ms(now))})

    async def _tell(self, account: Account, last: str) -> bool:
        """True when it is told, or there is nobody to tell."""
        hours = int((self._clock.now() - from_unix_ms(int(last))) / timedelta(hours=1))
        text = self._catalogue.say(self._owner.language, words.WAS_AWAY, channel=account.name, hours=str(hours))
        # The same absence makes the same row, so a crash before it is marked repeats nothing.
        told = await self._owner.tell(f"absence:{account.name}:{account.account}:{last}", text)
        if told or not self._owner.is_known:
            about = {"channel": account.name, "account": account.account, "hours": hours}
            log.warning("Away for longer than the platform keeps messages; some are lost", extra=about)
            return True
        return False
