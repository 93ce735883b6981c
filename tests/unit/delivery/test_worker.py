"""The delivery worker over a real database, with a channel that fails on order."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from pathlib import Path

import pytest

from bot.chats import ChatStore
from bot.delivery import worker
from bot.delivery.item import Kind, OutboxItem, Source, make_items
from bot.delivery.sender import Effects, Sender
from bot.delivery.store import OutboxStore
from bot.delivery.worker import DeliveryWorker
from bot.pipeline.chat_changes import ChatChanges
from bot.pipeline.gate import Gate
from bot.sessions.store import SessionStore
from bot.storage.port import Row, Statement
from bot.storage.sqlite import SqliteStorage, open_sqlite
from bot.tasks.store import TaskStore
from channels.capabilities import Capabilities
from channels.clock import ManualClock
from channels.errors import (
    ChannelError,
    ChatClosed,
    ChatMoved,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    Refused,
    Unauthorized,
)
from channels.message import Delivery, Destination, InboundMessage, JsonObject, OutboundMessage, Receipt
from channels.port import CommandCard, Inbox


class ScriptedChannel:
    """Takes everything, but for what `failures` holds for a text: one failure an attempt."""

    capabilities = Capabilities(None, "characters", "none")
    identity = "scripted"
    notes: Sequence[str] = ()

    def __init__(self) -> None:
        self.failures: dict[str, list[Exception]] = {}
        self.attempts: list[str] = []
        self.arrived: list[tuple[str, str, str | None]] = []
        self.before_answer: Callable[[], None] = lambda: None
        self.asked: list[tuple[str, datetime]] = []
        self.settles: Receipt | Exception = OutcomeUnknown("nobody knows")

    async def send(self, delivery: Delivery) -> Receipt:
        text = str(delivery.payload["text"])
        self.attempts.append(text)
        if self.failures.get(text):
            raise self.failures[text].pop(0)
        self.arrived.append((delivery.destination.chat, text, delivery.label))
        self.before_answer()
        return Receipt(str(len(self.arrived)))

    async def receive(self, inbox: Inbox) -> None: ...

    def parse(self, raw: JsonObject) -> InboundMessage | None:
        return None

    def render(self, message: OutboundMessage) -> Sequence[JsonObject]:
        return [{"text": message.text}]

    async def show_typing(self, destination: Destination) -> None: ...

    async def acknowledge_press(self, raw: JsonObject) -> None: ...

    async def settle(self, delivery: Delivery, since: datetime) -> Receipt:
        self.asked.append((str(delivery.payload["text"]), since))
        if isinstance(self.settles, Exception):
            raise self.settles
        return self.settles

    async def publish_commands(self, commands: Sequence[CommandCard]) -> None: ...


class Post:
    """A worker with all that it needs."""

    def __init__(self, storage: SqliteStorage) -> None:
        self.clock = ManualClock()
        self.storage = storage
        self.store = OutboxStore(storage, self.clock)
        self.channel = ScriptedChannel()
        self.told: list[str] = []
        self.worker = self.new_worker()

    def new_worker(self) -> DeliveryWorker:
        chats = ChatStore(self.storage, self.clock)
        sessions, tasks = SessionStore(self.storage, self.clock), TaskStore(self.storage, self.clock)
        changes = ChatChanges(chats, self.store, sessions, tasks, Gate({}))
        sender = Sender(
            self.storage,
            self.store,
            self.clock,
            labels=lambda language: f"maybe twice ({language})",
            effects=Effects(
                sent=lambda _item: (),
                moved=changes.moved,
                closed=changes.closed,
                after_sent=lambda item: self.told.append(item.id),
                after_change=changes.refresh,
            ),
            jitter=lambda: 0.0,
        )
        return DeliveryWorker(self.storage, self.store, self.clock, sender)

    async def queue(self, *texts: str, chat: str = "1", kind: Kind = "answer") -> list[OutboxItem]:
        items = []
        for text in texts:
            items += make_items(
                destination=Destination("telegram", "default", chat),
                kind=kind,
                source=Source("inbox", f"{chat}:{text}"),
                language="en",
                payloads=[{"text": text}],
                now=self.clock.now(),
            )
        await self.storage.commit(self.store.enqueue(items))
        return items

    async def send(self, *texts: str, chat: str = "1", kind: Kind = "answer") -> None:
        self.worker.wake(await self.queue(*texts, chat=chat, kind=kind))
        await self.settle()

    async def settle(self) -> None:
        await self.worker.wait_idle(10)

    async def wait(self, seconds: float) -> None:
        await self.clock.advance(seconds)
        await self.worker.tick("telegram", "default")
        await self.settle()

    async def states(self) -> dict[str, str]:
        return {str(item.payload["text"]): item.state for item in await self.store.newest(None, 99)}

    @property
    def texts(self) -> list[str]:
        return [text for _, text, _ in self.channel.arrived]


@pytest.fixture
async def post(tmp_path: Path) -> AsyncIterator[Post]:
    async with open_sqlite(tmp_path / "javis.db") as storage:
        yield Post(storage)


async def test_rows_of_a_chat_leave_in_order_and_are_closed(post: Post) -> None:
    async with post.worker.outlet("telegram", "default", post.channel):
        await post.send("a", "b", "c")
    assert post.texts == ["a", "b", "c"]
    assert await post.states() == {"a": "sent", "b": "sent", "c": "sent"}
    assert len(post.told) == 3


async def test_chat_that_waits_does_not_delay_another(post: Post) -> None:
    post.channel.failures["a"] = [RateLimited(30)]
    async with post.worker.outlet("telegram", "default", post.channel):
        await post.send("a", "b")
        await post.send("x", chat="2")
        assert post.texts == ["x"]
        await post.wait(31)
    assert post.texts == ["x", "a", "b"]


async def test_rate_limit_charges_no_attempt(post: Post) -> None:
    post.channel.failures["a"] = [RateLimited(1) for _ in range(20)]
    async with post.worker.outlet("telegram", "default", post.channel):
        await post.send("a")
        for _ in range(20):
            await post.wait(1)
    (item,) = await post.store.newest(None, 9)
    assert (item.state, item.attempts, item.duplicate) == ("sent", 1, False)


async def test_refused_row_is_a_dead_letter_and_the_chat_goes_on(post: Post) -> None:
    post.channel.failures["a"] = [Refused("chat not found")]
    async with post.worker.outlet("telegram", "default", post.channel):
        await post.send("a", "b")
    assert post.channel.attempts == ["a", "b"]
    assert await post.states() == {"a": "failed", "b": "sent"}


@pytest.mark.parametrize("failure", [NotSent("no route"), OutcomeUnknown("timed out")])
async def test_attempts_are_spaced_and_end(post: Post, failure: ChannelError) -> None:
    post.channel.failures["a"] = [failure] * 9
    async with post.worker.outlet("telegram", "default", post.channel):
        await post.send("a")
        for seconds in (4, 1.1, 24, 1.1, 119, 1.1, 599, 1.1, 86_000):
            await post.wait(seconds)
    assert post.channel.attempts == ["a"] * 5
    assert await post.states() == {"a": "failed" if isinstance(failure, NotSent) else "unknown"}


async def test_answer_with_an_unknown_outcome_is_sent_again_with_a_label(post: Post) -> None:
    post.channel.failures["a"] = [OutcomeUnknown("timed out")]
    async with post.worker.outlet("telegram", "default", post.channel):
        await post.send("a")
        await post.wait(6)
    assert post.channel.arrived == [("1", "a", "maybe twice (en)")]


async def test_channel_that_breaks_its_promise_counts_as_unknown(post: Post) -> None:
    post.channel.failures["a"] = [RuntimeError("a plugin's own fault")]
    async with post.worker.outlet("telegram", "default", post.channel):
        await post.send("a")
        await post.wait(6)
    assert post.channel.arrived == [("1", "a", "maybe twice (en)")]


async def test_heartbeat_with_an_unknown_outcome_is_held(post: Post) -> None:
    post.channel.failures["a"] = [OutcomeUnknown("timed out")]
    async with post.worker.outlet("telegram", "default", post.channel):
        await post.send("a", "b", kind="heartbeat")
        await post.wait(6)
        assert await post.states() == {"a": "unknown", "b": "sent"}
        (held,) = await post.store.newest("unknown", 9)
        await post.storage.commit([post.store.retry(held)])
        await post.wait(1)
    assert post.texts == ["b", "a"]


async def test_row_that_waited_too_long_expires(post: Post) -> None:
    await post.queue("a")
    await post.clock.advance(25 * 3600)
    await post.queue("b")
    async with post.worker.outlet("telegram", "default", post.channel):
        await post.settle()
    assert await post.states() == {"a": "failed", "b": "sent"}


async def test_moved_chat_takes_its_waiting_rows_along(post: Post) -> None:
    post.channel.failures["a"] = [ChatMoved("-100")]
    async with post.worker.outlet("telegram", "default", post.channel):
        await post.send("a", "b")
        await post.wait(1)
    assert post.channel.arrived == [("-100", "a", None), ("-100", "b", None)]


async def test_refused_token_stops_sending_and_loses_nothing(post: Post) -> None:
    post.channel.failures["a"] = [Unauthorized("401")]
    async with post.worker.outlet("telegram", "default", post.channel) as lost:
        await post.send("a", "b")
        await post.wait(60)
        assert lost.is_set()
        assert post.channel.attempts == ["a"]
    async with post.worker.outlet("telegram", "default", post.channel):
        await post.settle()
    assert post.texts == ["a", "b"]


async def test_rows_left_by_a_dead_process_are_settled_at_the_start(post: Post) -> None:
    answer, heartbeat = await post.queue("a"), await post.queue("h", chat="2", kind="heartbeat")
    await post.storage.commit([post.store.claim(answer[0]), post.store.claim(heartbeat[0])])
    async with post.new_worker().outlet("telegram", "default", post.channel):
        pass
    async with post.worker.outlet("telegram", "default", post.channel):
        await post.settle()
    assert post.channel.arrived == [("1", "a", "maybe twice (en)")]
    assert await post.states() == {"a": "sent", "h": "unknown"}


async def test_row_of_another_process_is_found_by_the_tick(post: Post) -> None:
    async with post.worker.outlet("telegram", "default", post.channel):
        await post.queue("a")
        await post.wait(1)
    assert post.texts == ["a"]


async def test_row_cannot_overtake_an_older_one_of_its_chat(post: Post) -> None:
    older, newer = await post.queue("a"), await post.queue("b")
    async with post.worker.outlet("telegram", "default", post.channel):
        post.worker.wake([*newer, *older])
        await post.settle()
    assert post.texts == ["a", "b"]


async def test_dropped_row_is_never_sent(post: Post) -> None:
    (item,) = await post.queue("a")
    await post.storage.commit([post.store.drop(item)])
    async with post.worker.outlet("telegram", "default", post.channel):
        await post.settle()
    assert post.texts == []
    assert await post.states() == {"a": "failed"}


@pytest.mark.parametrize("kind", ["answer", "heartbeat"])
@pytest.mark.parametrize(
    ("settles", "arrived", "state"),
    [
        (Receipt("77"), [], "sent"),
        (NotSent("it is not there"), [("1", "a", None)], "sent"),
        (OutcomeUnknown("nobody knows"), None, None),
    ],
)
async def test_channel_that_can_tell_settles_an_unknown_outcome(
    post: Post, kind: Kind, settles: Receipt | Exception, arrived: list[object] | None, state: str | None
) -> None:
    post.channel.failures["a"] = [OutcomeUnknown("timed out")]
    post.channel.settles = settles
    begun = post.clock.now()
    async with post.worker.outlet("telegram", "default", post.channel):
        await post.send("a", kind=kind)
        await post.wait(6)
    by_policy: list[object] = [("1", "a", "maybe twice (en)")] if kind == "answer" else []
    assert post.channel.asked == [("a", begun)]
    assert post.channel.arrived == (by_policy if arrived is None else arrived)
    assert await post.states() == {"a": state or ("sent" if kind == "answer" else "unknown")}


async def test_platform_that_asks_to_wait_while_settling_charges_nothing(post: Post) -> None:
    post.channel.failures["a"] = [OutcomeUnknown("timed out")]
    post.channel.settles = RateLimited(30)
    async with post.worker.outlet("telegram", "default", post.channel):
        await post.send("a")
        await post.wait(6)
        (waiting,) = await post.store.newest("queued", 9)
        assert (waiting.attempts, waiting.duplicate) == (1, True)
        post.channel.settles = Receipt("5")
        await post.wait(31)
    (item,) = await post.store.newest(None, 9)
    assert (item.state, item.receipt, post.channel.attempts) == ("sent", "5", ["a"])


async def test_expired_row_that_may_have_arrived_is_no_dead_letter(post: Post) -> None:
    post.channel.failures["a"] = [OutcomeUnknown("timed out")]
    async with post.worker.outlet("telegram", "default", post.channel):
        await post.send("a")
    await post.clock.advance(25 * 3600)
    async with post.worker.outlet("telegram", "default", post.channel):
        await post.settle()
    assert await post.states() == {"a": "unknown"}
    assert post.channel.attempts == ["a"]


async def test_closed_chat_loses_its_queue_visibly_until_it_opens_again(post: Post) -> None:
    post.channel.failures["a"] = [ChatClosed("the bot was kicked")]
    async with post.worker.outlet("telegram", "default", post.channel):
        await post.send("a", "b")
        await post.send("c")
        await post.send("x", chat="2")
        assert post.channel.attempts == ["a", "x"]
        assert await post.states() == {"a": "failed", "b": "failed", "c": "failed", "x": "sent"}
        assert {item.reason for item in await post.store.newest("failed", 9)} == {"chat_closed: the bot was kicked"}
        await post.storage.commit([ChatStore(post.storage, post.clock).reopen(("telegram", "default", "1"))])
        await post.send("d")
    assert post.texts == ["x", "d"]


async def test_closing_one_row_claims_the_next_in_the_same_commit(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    commits: list[list[str]] = []
    commit = post.storage.commit

    async def counted(statements: Sequence[Statement]) -> Sequence[Sequence[Row]]:
        commits.append([statement.name for statement in statements])
        return await commit(statements)

    async with post.worker.outlet("telegram", "default", post.channel):
        items = await post.queue("a", "b", "c")
        monkeypatch.setattr(post.storage, "commit", counted)
        post.worker.wake(items)
        await post.settle()
    both = ["outbox.sent", "outbox.claim"]
    assert commits == [["outbox.claim"], both, both, ["outbox.sent"]]


async def test_more_chats_than_places_are_all_served_without_a_tick(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "MOST_PUMPS", 4)
    for number in range(30):
        await post.queue(f"m{number}", chat=str(number))
    async with post.worker.outlet("telegram", "default", post.channel):
        while len(post.texts) < 30:
            await asyncio.sleep(0)
    assert sorted(post.texts) == sorted(f"m{number}" for number in range(30))


async def test_row_claimed_when_the_token_is_refused_is_given_back(post: Post) -> None:
    async with post.worker.outlet("telegram", "default", post.channel) as lost:
        post.channel.before_answer = lost.set
        await post.send("a", "b")
        assert await post.states() == {"a": "sent", "b": "queued"}
    (waiting,) = await post.store.newest("queued", 9)
    assert (waiting.attempts, waiting.duplicate) == (0, False)
