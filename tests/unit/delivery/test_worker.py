"""The delivery worker over a real database, with a channel that fails on order."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from bot.chats import ChatStore
from bot.delivery import worker
from bot.delivery.item import Kind
from bot.settings.model import DeliverySettings, WhenUnknownSettings
from bot.storage.opening import Database, open_storage
from bot.storage.port import Row, Statement
from channels.clock import SystemClock
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
from channels.message import Delivery, Receipt
from tests.patience import PATIENCE_SECONDS
from tests.unit.delivery.setting import Post


@pytest.fixture
async def post(any_database: Database) -> AsyncIterator[Post]:
    async with open_storage(any_database, SystemClock()) as storage:
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


@pytest.mark.parametrize("seconds", [1e30, float("inf"), float("nan"), -1e30])
async def test_nonsense_of_a_platform_that_asks_to_wait_stops_no_chat_for_ever(post: Post, seconds: float) -> None:
    post.channel.failures["a"] = [RateLimited(seconds)]
    async with post.worker.outlet("telegram", "default", post.channel):
        await post.send("a", kind="notice")
        await post.wait(86_400)
    assert await post.states() == {"a": "sent"}


@pytest.mark.parametrize("words", ["chat not found", "half of a pair: \ud800"])
async def test_refused_row_is_a_dead_letter_and_the_chat_goes_on(post: Post, words: str) -> None:
    post.channel.failures["a"] = [Refused(words)]
    async with post.worker.outlet("telegram", "default", post.channel):
        await post.send("a", "b")
    assert post.channel.attempts == ["a", "b"]
    assert await post.states() == {"a": "failed", "b": "sent"}


async def test_thousand_refusals_are_a_thousand_attempts(post: Post) -> None:
    texts = [f"m{number}" for number in range(1000)]
    post.channel.failures = {text: [Refused("chat not found")] for text in texts}
    async with post.worker.outlet("telegram", "default", post.channel):
        for chat in range(10):
            await post.send(*texts[chat::10], chat=str(chat))
        await post.wait(3600)
    assert sorted(post.channel.attempts) == sorted(texts)
    assert {row.state for row in await post.store.newest(None, 1000)} == {"failed"}


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


async def test_which_kinds_are_held_is_for_the_settings_to_say(post: Post) -> None:
    post.channel.failures = {"a": [OutcomeUnknown("timed out")], "b": [OutcomeUnknown("timed out")]}
    settings = DeliverySettings(when_unknown=WhenUnknownSettings(answer="hold", heartbeat="resend"))
    post.worker = post.new_worker(settings.resent)
    async with post.worker.outlet("telegram", "default", post.channel):
        await post.send("a")
        await post.send("b", kind="heartbeat", chat="2")
        await post.wait(6)
        assert await post.states() == {"a": "unknown", "b": "sent"}
    assert post.channel.arrived == [("2", "b", "maybe twice (en)")]


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


async def test_row_that_may_have_arrived_in_a_chat_that_closes_is_no_dead_letter(post: Post) -> None:
    post.channel.failures["a"] = [OutcomeUnknown("timed out")]
    async with post.worker.outlet("telegram", "default", post.channel):
        await post.send("a", "b")
        await post.storage.commit([post.store.end_chat(("telegram", "default", "1"), "chat_closed")])
    assert await post.states() == {"a": "unknown", "b": "failed"}


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


async def test_chats_passed_over_for_want_of_places_are_served_though_the_look_behind_them_finds_none(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "MOST_PUMPS", 4)
    chats_due, send, passed_over = post.store.chats_due, post.channel.send, asyncio.Event()

    async def look(*account: str, after: str, most: int) -> list[str]:
        found = await chats_due(*account, after=after, most=most)
        if after:
            passed_over.set()
        if not found:
            await post.settle()  # the last pumps end while it looks, and begin no look of their own
        return found

    async def send_slowly(delivery: Delivery) -> Receipt:
        if delivery.destination.chat in {"2", "3"}:
            await passed_over.wait()
        return await send(delivery)

    monkeypatch.setattr(post.store, "chats_due", look)
    monkeypatch.setattr(post.channel, "send", send_slowly)
    for number in range(8):
        await post.queue(f"m{number}", chat=str(number))
    async with post.worker.outlet("telegram", "default", post.channel), asyncio.timeout(PATIENCE_SECONDS):
        while len(post.texts) < 8:
            await asyncio.sleep(0)
    assert sorted(post.texts) == sorted(f"m{number}" for number in range(8))


async def test_row_claimed_when_the_token_is_refused_is_given_back(post: Post) -> None:
    async with post.worker.outlet("telegram", "default", post.channel) as lost:
        post.channel.before_answer = lost.set
        await post.send("a", "b")
        assert await post.states() == {"a": "sent", "b": "queued"}
    (waiting,) = await post.store.newest("queued", 9)
    assert (waiting.attempts, waiting.duplicate) == (0, False)


async def test_row_that_waits_for_the_governor_when_the_bot_stops_is_no_possible_duplicate(post: Post) -> None:
    post.channel.turn.clear()
    async with post.worker.outlet("telegram", "default", post.channel):
        post.worker.wake(await post.queue("a"))
        while not post.channel.waiting:
            await asyncio.sleep(0)
    (row,) = await post.store.newest(None, 9)
    assert (row.state, row.attempts, row.duplicate) == ("queued", 0, False)
    post.channel.turn.set()
    async with post.new_worker().outlet("telegram", "default", post.channel):
        while not post.texts:
            await asyncio.sleep(0)
    assert post.channel.arrived == [("1", "a", None)]
