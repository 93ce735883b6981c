"""The real outbox (worker, policy, SQL) beside a plain model, through any history of failures, restarts and wishes."""

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from typing_extensions import override

from bot.delivery.item import Kind, OutboxItem
from bot.storage.sqlite import open_sqlite
from channels.clock import ManualClock
from channels.errors import ChatClosed, NotSent, OutcomeUnknown, RateLimited, Refused
from channels.message import Delivery, Receipt
from tests.unit.delivery.model import RETRY_AFTER, WAITS, Model, ModelRow, Outcome, Settled
from tests.unit.delivery.setting import Post, ScriptedChannel

T = TypeVar("T")
CHATS = ("1", "2")
FAILURES: dict[Outcome, Exception] = {
    "not_sent": NotSent("no route"),
    "unknown": OutcomeUnknown("timed out"),
    "rate_limited": RateLimited(RETRY_AFTER),
    "refused": Refused("no"),
    "chat_closed": ChatClosed("kicked"),
}
SETTLES: dict[Settled, Receipt | Exception] = {
    "arrived": Receipt("9"),
    "did_not": NotSent("it is not there"),
    "nobody_knows": OutcomeUnknown("nobody knows"),
    "rate_limited": RateLimited(RETRY_AFTER),
}


class ModelledChannel(ScriptedChannel):
    """Does what is next in its chat's script; a send that hangs never ends."""

    def __init__(self) -> None:
        super().__init__()
        self.outcomes: dict[str, list[Outcome]] = {chat: [] for chat in CHATS}
        self.hanging = 0

    @override
    async def send(self, delivery: Delivery) -> Receipt:
        script = self.outcomes[delivery.destination.chat]
        outcome = script.pop(0) if script else "taken"
        if outcome == "hangs":
            self.hanging += 1
            await asyncio.Future()
        if outcome in FAILURES:
            raise FAILURES[outcome]
        return await super().send(delivery)


class Outbox(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp())
        self.stack = AsyncExitStack()
        self.model = Model()
        self.channel = ModelledChannel()
        self.do(self._open())

    async def _open(self) -> None:
        storage = await self.stack.enter_async_context(open_sqlite(self.folder / "javis.db"))
        self.post = Post(storage)
        self.outlet = AsyncExitStack()
        await self._start()

    async def _start(self) -> None:
        self.channel.hanging = 0
        self.post.worker = self.post.new_worker()
        await self.outlet.enter_async_context(self.post.worker.outlet("telegram", "default", self.channel))

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    async def _work(self) -> None:
        """Let the real worker do all that it can do now."""
        await self.post.worker.tick("telegram", "default")
        while sum(len(outlet.pumps) for outlet in self.post.worker._outlets.values()) > self.channel.hanging:
            await asyncio.sleep(0)

    def both_work(self) -> None:
        self.do(self._work())
        self.model.work()

    @rule(
        chat=st.sampled_from(CHATS),
        kind=st.sampled_from(["answer", "answer", "notice", "heartbeat"]),
        fresh=st.booleans(),
        count=st.integers(1, 3),
    )
    def enqueue(self, chat: str, kind: Kind, *, fresh: bool, count: int) -> None:
        texts = [f"t{len(self.model.rows) + number}" for number in range(count)]
        items = self.do(self.post.queue(*texts, chat=chat, kind=kind))
        for text in texts:
            self.model.enqueue(text, chat, kind)
        if fresh:
            self.do(self._wake(items))
        self.both_work()

    async def _wake(self, items: list[OutboxItem]) -> None:
        self.post.worker.wake(items)

    @rule(
        chat=st.sampled_from(CHATS),
        outcomes=st.lists(
            st.sampled_from(["taken", "hangs", "not_sent", "unknown", "rate_limited", "refused", "chat_closed"]),
            max_size=4,
        ),
    )
    def script(self, chat: str, outcomes: list[Outcome]) -> None:
        self.model.outcomes[chat].extend(outcomes)
        self.channel.outcomes[chat].extend(outcomes)

    @rule(chat=st.sampled_from(CHATS), outcome=st.sampled_from(["not_sent", "unknown"]), times=st.integers(4, 6))
    def fail_time_and_again(self, chat: str, outcome: Outcome, times: int) -> None:
        self.script(chat, [outcome] * times)
        for seconds in WAITS:
            self.wait(seconds)

    @rule(settled=st.sampled_from(["arrived", "did_not", "nobody_knows", "rate_limited"]))
    def settle_as(self, settled: Settled) -> None:
        self.model.settled = settled
        self.channel.settles = SETTLES[settled]

    @rule(seconds=st.sampled_from([1, 5, 7, 25, 120, 600, 3600, 86_400]))
    def wait(self, seconds: int) -> None:
        self.do(self._wait(seconds))
        self.model.now += seconds
        self.both_work()

    async def _wait(self, seconds: int) -> None:
        clock: ManualClock = self.post.clock
        await clock.advance(seconds)

    @rule()
    def restart(self) -> None:
        """The process dies, with whatever is on its way, and another takes over."""
        self.do(self._restart())
        self.model.restart()
        self.both_work()

    async def _restart(self) -> None:
        await self.outlet.aclose()
        await self._start()

    @precondition(lambda self: any(row.state in {"failed", "unknown"} for row in self.model.rows))
    @rule(data=st.data())
    def retry(self, data: st.DataObject) -> None:
        row = data.draw(st.sampled_from([row for row in self.model.rows if row.state in {"failed", "unknown"}]))
        self.do(self.post.storage.commit([self.post.store.retry(self._item(row.text))]))
        self.model.retry(row)
        self.both_work()

    @precondition(lambda self: any(row.state in {"queued", "unknown"} for row in self.model.rows))
    @rule(data=st.data())
    def drop(self, data: st.DataObject) -> None:
        row = data.draw(st.sampled_from([row for row in self.model.rows if row.state in {"queued", "unknown"}]))
        self.do(self.post.storage.commit([self.post.store.drop(self._item(row.text))]))
        self.model.drop(row)
        self.both_work()

    def _items(self) -> dict[str, OutboxItem]:
        return {str(item.payload["text"]): item for item in self.do(self.post.store.newest(None, 500))}

    def _item(self, text: str) -> OutboxItem:
        return self._items()[text]

    @invariant()
    def rows_are_as_in_the_model(self) -> None:
        start = self.post.clock.now() - timedelta(seconds=self.model.now)
        real = {
            text: _seen(item, (item.reason or "").partition(":")[0], (item.due - start).total_seconds())
            for text, item in self._items().items()
        }
        assert real == {row.text: _seen(row, row.reason, row.due) for row in self.model.rows}

    @invariant()
    def people_saw_what_the_model_says(self) -> None:
        for chat in CHATS:
            seen = [(text, label is not None) for place, text, label in self.channel.arrived if place == chat]
            assert seen == self.model.arrived[chat]

    @override
    def teardown(self) -> None:
        self.do(self.outlet.aclose())
        self.do(self.stack.aclose())
        self.runner.close()
        shutil.rmtree(self.folder)


def _seen(row: OutboxItem | ModelRow, reason: str, due: float) -> tuple[object, ...]:
    """What both must agree on; a row on its way is as it was before, and becomes a possible duplicate if it is left."""
    return (
        row.state,
        reason,
        row.attempts,
        None if row.state == "attempting" else row.duplicate,
        due if row.state == "queued" else None,
    )


Outbox.TestCase.settings = settings(max_examples=40, stateful_step_count=25, suppress_health_check=list(HealthCheck))
TestOutboxAgainstItsModel = pytest.mark.timeout(300)(Outbox.TestCase)  # a failure takes its time to shrink
