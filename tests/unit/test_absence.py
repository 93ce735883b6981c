"""The owner and long absences, over a real database."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from typing_extensions import override

from bot.absence import Absence
from bot.catalogue import Catalogue, Language
from bot.delivery.item import Kind
from bot.owner import Owner
from bot.storage.sqlite import open_sqlite
from channels.clock import ManualClock

HOUR = 3600.0


class Listener(Owner):
    """An owner whose chat can be closed."""

    def __init__(self) -> None:
        self.heard: dict[str, str] = {}
        self.open = True
        self.known = True

    @override
    async def tell(self, source_id: str, text: str, kind: Kind = "notice") -> bool:
        if self.open:
            self.heard.setdefault(source_id, text)
        return self.open

    @property
    @override
    def language(self) -> Language:
        return "en"

    @property
    @override
    def is_known(self) -> bool:
        return self.known


@dataclass
class Account:
    condition: str = "running"
    needs_token: bool = True
    name: str = "telegram"
    account: str = "default"


class Setting:
    def __init__(self, absence: Absence, clock: ManualClock, owner: Listener) -> None:
        self.absence = absence
        self.clock = clock
        self.owner = owner

    async def away(self, hours: float, account: Account) -> list[str]:
        """What the owner has heard when the bot looks again `hours` later."""
        await self.clock.advance(hours * HOUR)
        await self.absence.look([account])
        return list(self.owner.heard.values())


@pytest.fixture
async def setting(tmp_path: Path) -> AsyncIterator[Setting]:
    clock, owner = ManualClock(), Listener()
    async with open_sqlite(tmp_path / "javis.db") as storage:
        yield Setting(Absence(storage, clock, owner, Catalogue.load()), clock, owner)


async def test_long_absence_is_told_once(setting: Setting) -> None:
    account = Account()
    assert await setting.away(0, account) == []
    assert await setting.away(23, account) == []
    (text,) = await setting.away(25, account)
    assert "telegram" in text
    assert "25 hours" in text
    assert await setting.away(1, account) == [text]


async def test_platform_that_cannot_be_reached_counts_as_away(setting: Setting) -> None:
    account = Account()
    await setting.away(0, account)
    account.condition = "unreachable"
    assert await setting.away(30, account) == []
    account.condition = "running"
    assert len(await setting.away(0, account)) == 1


async def test_owner_who_cannot_be_reached_hears_of_it_later(setting: Setting) -> None:
    account = Account()
    await setting.away(0, account)
    setting.owner.open = False
    await setting.away(30, account)
    setting.owner.open = True
    assert len(await setting.away(1, account)) == 1
    assert len(await setting.away(1, account)) == 1


async def test_where_nobody_is_an_owner_it_goes_to_the_log(setting: Setting, caplog: pytest.LogCaptureFixture) -> None:
    account = Account()
    await setting.away(0, account)
    setting.owner.open = setting.owner.known = False
    await setting.away(30, account)
    assert "some are lost" in caplog.text


async def test_channels_that_forget_nothing_are_not_watched(setting: Setting) -> None:
    account = Account(needs_token=False, name="web")
    await setting.away(0, account)
    assert await setting.away(99, account) == []
