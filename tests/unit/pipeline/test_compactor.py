"""Long conversations told in short, beside the turns and without losing a word of the transcript."""

from collections.abc import AsyncIterator, Sequence

import pytest

from bot.agents.port import AgentFailed, Answer, Turn
from bot.pipeline.compactor import Compactor
from bot.sessions.lanes import Lanes
from bot.sessions.store import SessionStore
from bot.sessions.transcript import Conversation, Record
from bot.storage.opening import Database, open_storage
from bot.storage.port import Storage
from channels.clock import ManualClock, SystemClock

KEY = "agent:main:main"


class Teller:
    """An agent that writes down what it was to sum up."""

    id = "main"

    def __init__(self) -> None:
        self.asked: list[tuple[list[str], str | None]] = []
        self.fails = False

    async def answer(self, turn: Turn) -> Answer:
        return Answer(turn.text)

    async def summarise(self, records: Sequence[Record], earlier: str | None, turn: Turn) -> str:
        self.asked.append(([record.content for record in records], earlier))
        if self.fails:
            raise AgentFailed("model_busy")
        return f"summary {len(self.asked)}"


class Talk:
    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self.clock = ManualClock()
        self.sessions = SessionStore(storage, self.clock)
        self.lanes = Lanes(4)
        self.agent = Teller()
        self.compactor = Compactor(storage, self.sessions, self.lanes, records=20, characters=10_000)
        self.said: list[str] = []

    async def turns(self, count: int, text: str = "") -> None:
        for _ in range(count):
            number = len(self.said) // 2
            records = [
                Record("user", f"q{number}{text}", self.clock.now()),
                Record("assistant", f"a{number}", self.clock.now()),
            ]
            await self.storage.commit(self.sessions.append(Conversation(KEY), "main", records))
            self.said += [record.content for record in records]
            turn = Turn(KEY, "", "", True, self.clock.now(), lambda most: self.sessions.recall(Conversation(KEY), most))
            self.compactor.said(turn, self.agent, 2)
            await self.lanes.wait_idle()

    async def read(self) -> list[tuple[str, str]]:
        """What the agent reads."""
        return [(record.role, record.content) for record in await self.sessions.recall(Conversation(KEY), 20)]


@pytest.fixture
async def talk(any_database: Database) -> AsyncIterator[Talk]:
    async with open_storage(any_database, SystemClock()) as storage:
        yield Talk(storage)


async def test_a_short_conversation_is_left_as_it_is(talk: Talk) -> None:
    await talk.turns(8)
    assert talk.agent.asked == []
    assert [content for _, content in await talk.read()] == talk.said


async def test_a_long_one_is_read_as_a_summary_and_its_newest_part(talk: Talk) -> None:
    await talk.turns(10)
    ((old, earlier),) = talk.agent.asked
    assert earlier is None
    assert old + [content for _, content in (await talk.read())[1:]] == talk.said
    assert (await talk.read())[0] == ("system", "summary 1")
    assert (await talk.read())[1][0] == "user"
    assert [record.content for record in await talk.sessions.history(KEY, 100)] == talk.said


async def test_the_next_summary_takes_in_the_one_before(talk: Talk) -> None:
    await talk.turns(15)
    (first, _), (second, earlier) = talk.agent.asked
    assert earlier == "summary 1"
    assert first + second + [content for _, content in (await talk.read())[1:]] == talk.said


async def test_long_messages_count_by_their_length(talk: Talk) -> None:
    await talk.turns(5, "x" * 2000)
    assert len(talk.agent.asked) == 1
    assert sum(len(content) for _, content in await talk.read()) <= 4_100


async def test_a_model_that_fails_is_asked_again_later(talk: Talk) -> None:
    talk.agent.fails = True
    await talk.turns(10)
    assert [role for role, _ in await talk.read()].count("system") == 0
    talk.agent.fails = False
    await talk.turns(5)
    assert (await talk.read())[0] == ("system", "summary 2")


async def test_a_fresh_conversation_knows_no_summary(talk: Talk) -> None:
    await talk.turns(10)
    await talk.storage.commit([talk.sessions.close(KEY)])
    await talk.turns(1)
    assert [role for role, _ in await talk.read()] == ["user", "assistant"]


async def test_an_agent_that_cannot_tell_in_short_is_left_alone(talk: Talk) -> None:
    class Plain:
        id = "plain"

        async def answer(self, turn: Turn) -> Answer:
            return Answer("")

    turn = Turn(KEY, "", "", True, talk.clock.now(), lambda most: talk.sessions.recall(Conversation(KEY), most))
    talk.compactor.said(turn, Plain(), 1000)
    await talk.lanes.wait_idle()
    assert await talk.read() == []
