"""The owner and the keys, over a real database and outbox."""

from collections.abc import AsyncIterator

import pytest
from typing_extensions import override

from bot.catalogue import Catalogue
from bot.delivery.item import Kind
from bot.key_alerts import KeyAlerts
from bot.owner import Owner
from bot.providers.cooldown import Cooldowns, DefaultCooldown, WayId
from bot.providers.errors import AuthRefused, ProviderError, QuotaExhausted, RateLimited
from bot.storage.opening import Database, open_storage
from bot.storage.port import Storage
from channels.clock import ManualClock, SystemClock, unix_ms

FIRST, SECOND = WayId("moonshot", "api", "1f2e3d4c", "kimi-k3"), WayId("moonshot", "api", "1f2e3d4c", "kimi-k2.6")


class Listener(Owner):
    """An owner whose chat can be closed."""

    def __init__(self) -> None:
        self.heard: dict[str, str] = {}
        self.open = True

    @override
    async def tell(self, source_id: str, text: str, kind: Kind = "notice") -> bool:
        if self.open:
            self.heard.setdefault(source_id, text)
        return self.open


class Setting:
    def __init__(self, storage: Storage) -> None:
        self.clock = ManualClock()
        self.owner = Listener()
        self.cooldowns = Cooldowns(DefaultCooldown(), self.clock, storage)
        self.alerts = KeyAlerts(storage, self.owner, Catalogue.load(), "en")

    async def fail(self, way: WayId, error: ProviderError) -> None:
        await self.clock.advance(10_000)
        await self.cooldowns.failed(way, error, unix_ms(self.clock.now()))

    async def heard(self) -> list[str]:
        await self.alerts.look()
        return list(self.owner.heard.values())


@pytest.fixture
async def setting(any_database: Database) -> AsyncIterator[Setting]:
    async with open_storage(any_database, SystemClock()) as storage:
        yield Setting(storage)


async def test_empty_account_is_told_once_with_the_label_of_its_key(setting: Setting) -> None:
    for way in (FIRST, SECOND, FIRST):
        await setting.fail(way, QuotaExhausted("spent"))
        await setting.heard()
    (text,) = await setting.heard()
    assert "used up (moonshot, key 1f2e3d4c)" in text


async def test_key_that_worked_again_is_told_of_anew(setting: Setting) -> None:
    await setting.fail(FIRST, QuotaExhausted("spent"))
    await setting.heard()
    await setting.cooldowns.succeeded(FIRST, unix_ms(setting.clock.now()))
    await setting.fail(FIRST, QuotaExhausted("spent"))
    assert len(await setting.heard()) == 2


async def test_owner_who_cannot_be_reached_hears_of_it_later(setting: Setting) -> None:
    setting.owner.open = False
    await setting.fail(FIRST, AuthRefused("no"))
    assert await setting.heard() == []
    setting.owner.open = True
    (text,) = await setting.heard()
    assert "refused (moonshot, key 1f2e3d4c)" in text


async def test_what_passes_by_itself_is_not_told(setting: Setting) -> None:
    await setting.fail(FIRST, RateLimited("slow"))
    assert await setting.heard() == []
