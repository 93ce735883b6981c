"""Waiting for an answer whose end no event tells."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from bot.delivery.item import Source, make_items
from bot.events import Events
from bot.inbox import StoredUpdate
from bot.methods.chat import Send, send
from bot.methods.desk import Caller, Desk, Live
from bot.settings.load import load_settings
from bot.storage.sqlite import open_sqlite
from bot.stores import Stores, stores_on
from channels.clock import ManualClock
from channels.message import Destination
from channels.web.parse import Said, raw_update
from routing.table import Table
from tests.patience import PATIENCE_SECONDS

KEY = "agent:parrot:web:direct:me"


class Elsewhere:
    """What a gateway sees of a bot whose `web` channel another machine holds, while its events are lost."""

    def __init__(self, stores: Stores, clock: ManualClock) -> None:
        self.events = Events(clock)
        self.agents = {"parrot": None}
        self.taken: asyncio.Future[StoredUpdate] = asyncio.get_running_loop().create_future()
        self._stores = stores
        self._clock = clock

    async def say(self, said: Said) -> None:
        new = await self._stores.inbox.store("web", "default", [raw_update(said)])
        if new and not self.taken.done():
            self.taken.set_result(new[0])

    async def answer(self, *texts: str) -> None:
        """End what was said, on disk alone."""
        update = await self.taken
        items = make_items(
            destination=Destination("web", "default", KEY),
            kind="answer",
            source=Source("inbox", update.source_id),
            language="en",
            payloads=[{"text": text} for text in texts],
            now=self._clock.now(),
        )
        ending = self._stores.inbox.finish(update, "done")
        await self._stores.storage.commit([*self._stores.outbox.enqueue(items), ending])


@asynccontextmanager
async def _elsewhere(folder: Path) -> AsyncIterator[tuple[Desk, Elsewhere, ManualClock]]:
    clock = ManualClock()
    async with open_sqlite(folder / "javis.db") as storage:
        settings = load_settings(None, {"JAVIS_HOME": str(folder)}, {})
        stores = stores_on(storage, clock, settings)
        bot = Elsewhere(stores, clock)
        desk = Desk.at(
            stores,
            settings=settings,
            table=lambda: cast("Table", None),
            entries=lambda: (),
            id_problem=lambda *_: None,
            running=cast("Live", bot),
        )
        yield desk, bot, clock


CALLER = cast("Caller", SimpleNamespace(name="me", join=lambda _key: None))


@pytest.mark.parametrize("texts", [("the answer",), ()], ids=["answered", "nothing said"])
async def test_an_answer_whose_event_is_lost_is_read_from_the_database(tmp_path: Path, texts: tuple[str, ...]) -> None:
    async with _elsewhere(tmp_path) as (desk, bot, clock):
        asking = asyncio.create_task(send(desk, CALLER, Send(text="hi", session_key=KEY)))
        await bot.taken
        await clock.advance(60)
        assert not asking.done()
        await bot.answer(*texts)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not asking.done():
                await clock.advance(1)
        assert (await asking)["text"] == "".join(texts)


async def test_a_repetition_of_what_was_answered_with_nothing_waits_for_nothing(tmp_path: Path) -> None:
    async with _elsewhere(tmp_path) as (desk, bot, clock):
        question = Send(text="hi", session_key=KEY, message_id="m-1")
        asking = asyncio.create_task(send(desk, CALLER, question))
        await bot.answer()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not asking.done():
                await clock.advance(1)
            assert (await send(desk, CALLER, question))["text"] == (await asking)["text"] == ""
