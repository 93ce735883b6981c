"""Who is alive, who holds what, and who may write no more: on a real PostgreSQL."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import psycopg
import pytest

from bot.storage.errors import Fenced, StorageUnavailable
from bot.storage.postgresql.connection import connect
from bot.storage.postgresql.membership import RENEW, Membership, joined, machines
from bot.storage.postgresql.place import is_gone, own_place
from bot.storage.postgresql.storage import PostgresqlStorage, open_postgresql
from bot.tasks.store import TaskStore
from bot.tasks.task import TaskRequest
from channels.clock import ManualClock
from tests.patience import PATIENCE_SECONDS
from tests.unit.storage.statements import keys, touch, waits

LEASE_SECONDS = 6.0


@pytest.fixture
def server(postgresql_database: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(postgresql_database, autocommit=True) as connection:
        yield connection


class Machine:
    """One process: its storage, its membership, and how often it was told that work lies about."""

    def __init__(self, storage: PostgresqlStorage, clock: ManualClock) -> None:
        self.storage = storage
        self.clock = clock
        self.orphaned = 0
        self.faults: list[Exception] = []
        self.membership: Membership

    async def take_up(self) -> None:
        if self.faults:
            raise self.faults.pop()
        self.orphaned += 1


@asynccontextmanager
async def machine(url: str, *wanted: str) -> AsyncIterator[Machine]:
    clock = ManualClock()
    async with open_postgresql(url, clock) as storage:
        made = Machine(storage, clock)
        async with joined(storage, clock, LEASE_SECONDS, made.take_up) as made.membership:
            for name in wanted:
                made.membership.want(name)
            await made.membership.beat()
            yield made


def is_silent(server: psycopg.Connection, silent: Machine) -> None:
    """As if it had not renewed for a while."""
    server.execute(
        "UPDATE members SET until_ms = extract(epoch FROM clock_timestamp()) * 1000 - 1 WHERE id = %s",
        (silent.membership.id,),
    )


def held(each: Machine, *names: str) -> list[str]:
    return [name for name in names if each.membership.holds(name)]


async def test_lease_has_one_holder_and_is_free_when_that_one_leaves(postgresql_database: str) -> None:
    async with machine(postgresql_database, "a", "b") as second_to_be:
        assert held(second_to_be, "a", "b") == ["a", "b"]
    async with machine(postgresql_database, "a", "b") as first, machine(postgresql_database, "a") as second:
        assert held(first, "a", "b") == ["a", "b"]
        assert not held(second, "a")
        assert len(await machines(second.storage)) == 2
        await first.membership.leave()
        await second.membership.beat()
        assert held(second, "a") == ["a"]
        assert second.orphaned == 1  # it may not have ended all that it had begun


async def test_machines_that_start_together_share_what_there_is(postgresql_database: str) -> None:
    async with machine(postgresql_database) as first, machine(postgresql_database) as second:
        for each in (first, second):
            for name in "abcd":
                each.membership.want(name)
        await first.membership.beat()  # sees that there are two now
        for _ in range(4):
            await second.membership.beat()
            await first.membership.beat()
        assert len(held(first, *"abcd")) == len(held(second, *"abcd")) == 2


async def test_silent_machine_is_replaced_and_may_write_no_more(
    postgresql_database: str, server: psycopg.Connection
) -> None:
    async with machine(postgresql_database, "a") as first, machine(postgresql_database, "a") as second:
        is_silent(server, first)
        await first.storage.commit([touch("before")])  # nobody has noticed yet
        await second.membership.beat()
        assert held(second, "a") == ["a"]
        assert second.orphaned == 1
        outcomes = await asyncio.gather(
            *(first.storage.commit([touch(f"late {number}")]) for number in range(3)), return_exceptions=True
        )
        assert [type(outcome) for outcome in outcomes] == [Fenced] * 3
        assert await keys(second.storage, ["before", "late 0"]) == ["before"]
        with pytest.raises(Fenced):
            await first.membership.run()


async def test_work_of_a_dead_machine_is_taken_up_also_when_the_database_goes_away_right_after(
    postgresql_database: str, server: psycopg.Connection
) -> None:
    async with machine(postgresql_database) as first, machine(postgresql_database) as second:
        is_silent(server, first)
        second.faults = [StorageUnavailable("the server was started anew")]
        with pytest.raises(StorageUnavailable):
            await second.membership.beat()
        await second.membership.beat()
        assert second.orphaned == 1
        await second.membership.beat()
        assert second.orphaned == 1


async def test_next_process_on_a_machine_knows_that_the_last_one_has_died(
    postgresql_database: str, server: psycopg.Connection
) -> None:
    code = "from bot.storage.postgresql.place import own_place\nprint(own_place())"
    dead = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    async with machine(postgresql_database, "a") as first:
        await first.membership.leave()
        server.execute(
            "INSERT INTO members (id, machine, place, started_ms, until_ms) VALUES"
            " ('dead', 'here', %s, 0, 9e15), ('far', 'elsewhere', 'other 1 1 1', 0, 9e15)",
            (dead,),
        )
        server.execute("INSERT INTO leases VALUES ('a', 'dead'), ('b', 'far')")
    async with machine(postgresql_database, "a", "b") as second:
        assert held(second, "a", "b") == ["a"]
        assert "here" not in await machines(second.storage)
        assert not is_gone(own_place() or "")


async def test_commit_under_way_is_not_overtaken_by_the_undertaker(
    postgresql_database: str, server: psycopg.Connection
) -> None:
    """Buried is only who holds no transaction: what was begun alive is committed before, or not at all."""
    async with machine(postgresql_database, "a") as first, machine(postgresql_database, "a") as second:
        with psycopg.connect(postgresql_database) as blocking:
            blocking.execute("LOCK TABLE sessions IN EXCLUSIVE MODE")
            late = asyncio.create_task(first.storage.commit([touch("late")]))
            await waits(server, "Lock")
            is_silent(server, first)
            await second.membership.beat()
            assert not held(second, "a")
        await late
        await second.membership.beat()
        assert held(second, "a") == ["a"]
        assert await keys(second.storage, ["late"]) == ["late"]


async def test_machine_that_stands_still_within_a_transaction_is_replaced_all_the_same(
    postgresql_database: str, server: psycopg.Connection
) -> None:
    async with machine(postgresql_database, "a") as first, machine(postgresql_database, "a") as second:
        session = await connect(postgresql_database, first.storage.name)
        async with session.pipeline():
            await session.execute("BEGIN")
            await session.execute("SELECT 1 FROM members FOR KEY SHARE")
        server.execute("UPDATE members SET until_ms = 0 WHERE id = %s", (first.membership.id,))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not held(second, "a"):
                await second.membership.beat()
        with pytest.raises(psycopg.OperationalError):
            await session.execute("COMMIT")
        await session.close()


async def test_tasks_of_a_dead_machine_are_queued_again_and_its_result_is_refused(
    postgresql_database: str, server: psycopg.Connection
) -> None:
    async with machine(postgresql_database) as first, machine(postgresql_database) as second:
        ours, theirs = TaskStore(first.storage, first.clock), TaskStore(second.storage, second.clock)
        for prompt in ("one", "two"):
            request = TaskRequest(prompt=prompt, model="kimi", requester="cli:me", language="en", notify=None)
            await first.storage.commit([ours.create(request, 20, 20)[2]])
        mine, other = await ours.claim_next(), await theirs.claim_next()
        assert mine is not None
        assert other is not None
        assert mine.id != other.id
        await theirs.recover()
        assert await theirs.claim_next() is None
        is_silent(server, first)
        await second.membership.beat()
        await theirs.recover()
        again = await theirs.claim_next()
        assert again is not None
        assert again.id == mine.id


async def test_work_is_interrupted_in_doubt_and_begun_again_after(postgresql_database: str) -> None:
    async with machine(postgresql_database) as first, machine(postgresql_database):
        began: list[asyncio.Event] = []

        async def work() -> None:
            began.append(asyncio.Event())
            await began[-1].wait()

        paused: list[None] = []
        membership, storage = first.membership, first.storage
        keeping = asyncio.create_task(membership.keep("a", work, lambda: paused.append(None)))
        renewing = asyncio.create_task(membership.run())
        await _until(lambda: bool(began))
        assert paused == [None]
        real, storage.commit = storage.commit, _unreachable  # type: ignore[method-assign,assignment]
        for _ in range(3):
            await _step(first)
        assert not membership.holds("a")
        assert paused == [None, None]
        storage.commit = real  # type: ignore[method-assign]
        await _step(first)
        await _until(lambda: len(began) == 2)
        began[-1].set()
        await keeping
        renewing.cancel()


async def test_process_that_wakes_up_sends_nothing_before_it_knows_that_it_is_alive(postgresql_database: str) -> None:
    async with machine(postgresql_database) as first:
        await first.membership.confirmed()
        await first.clock.advance(LEASE_SECONDS)
        waiting = asyncio.create_task(first.membership.confirmed())
        await asyncio.sleep(0)
        assert not waiting.done()
        await first.membership.beat()
        await waiting


async def test_machine_that_is_alone_goes_on_while_the_database_is_away(postgresql_database: str) -> None:
    async with machine(postgresql_database, "a") as only:
        renewing = asyncio.create_task(only.membership.run())
        real, only.storage.commit = only.storage.commit, _unreachable  # type: ignore[method-assign,assignment]
        for _ in range(int(3 / RENEW)):
            await _step(only)
        assert only.membership.holds("a")
        only.storage.commit = real  # type: ignore[method-assign]
        renewing.cancel()


async def test_whatever_another_machine_commits_is_told_at_once(postgresql_database: str) -> None:
    async with machine(postgresql_database) as first, machine(postgresql_database) as second:
        told = asyncio.Event()
        second.storage.when_changed(told.set)
        await second.storage.commit([touch("own")])
        assert not told.is_set()
        await first.storage.commit([touch("other")])
        async with asyncio.timeout(PATIENCE_SECONDS):
            await told.wait()


async def test_what_one_machine_says_is_heard_by_another_in_order_whole_and_as_often_as_it_was_said(
    postgresql_database: str, server: psycopg.Connection
) -> None:
    said = ["same", "same", "長" * 5000, "with spaces and 'quotes'", "last"]
    heard: list[str] = []
    ended = asyncio.Event()

    def hear(text: str) -> None:
        heard.append(text)
        if text == "last":
            ended.set()

    async with machine(postgresql_database) as first, machine(postgresql_database) as second:
        first.storage.when_told(lambda _: pytest.fail("nobody hears what it said itself"))
        second.storage.when_told(hear)
        server.execute("SELECT pg_notify('javis_' || current_schema(), 'of another kind')")
        for text in said:
            first.storage.tell_others(text)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await ended.wait()
    assert heard == said


async def _unreachable(*_: object) -> None:
    raise StorageUnavailable("away")


async def _step(each: Machine) -> None:
    """One round of renewing."""
    await _until(lambda: each.clock.sleepers > 0)
    await each.clock.advance(RENEW * LEASE_SECONDS)
    await _until(lambda: each.clock.sleepers > 0)


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():
            await asyncio.sleep(0)
