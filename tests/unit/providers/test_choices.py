"""Which model a session was given, in a real database."""

from collections.abc import AsyncIterator

import pytest

from bot.providers.choices import ModelChoices
from bot.sessions.store import SessionStore
from bot.storage.opening import Database, open_storage
from bot.storage.port import Storage
from channels.clock import ManualClock

GROUP, TOPIC = "agent:main:telegram:group:-5", "agent:main:telegram:group:-5:topic:7"
OTHER = "agent:main:telegram:group:-55"


@pytest.fixture
async def storage(any_database: Database) -> AsyncIterator[Storage]:
    async with open_storage(any_database, ManualClock()) as storage:
        yield storage


async def test_last_choice_holds_until_it_is_forgotten(storage: Storage) -> None:
    choices = ModelChoices(storage, ManualClock())
    assert await choices.of(GROUP) is None
    for model in ("home", "kimi"):
        await storage.commit([choices.choose(GROUP, model)])
    assert (await choices.of(GROUP), await choices.of(TOPIC)) == ("kimi", None)
    await storage.commit([choices.forget(GROUP)])
    assert await choices.of(GROUP) is None


async def test_choice_follows_a_group_that_moves(storage: Storage) -> None:
    clock = ManualClock()
    choices, sessions = ModelChoices(storage, clock), SessionStore(storage, clock)
    await storage.commit([choices.choose(key, "home") for key in (GROUP, TOPIC, OTHER)])
    for _ in range(2):
        await storage.commit(sessions.chat_moved("telegram", "-5", "-1005"))
    assert await choices.of("agent:main:telegram:group:-1005") == "home"
    assert await choices.of("agent:main:telegram:group:-1005:topic:7") == "home"
    assert await choices.of("agent:main:telegram:group:-10055") is None
