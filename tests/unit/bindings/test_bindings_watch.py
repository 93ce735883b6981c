"""The watch over real files, told by hand when to look."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from typing_extensions import override

from bot.agents.port import Agent, AgentFault, Answer, Turn
from bot.bindings_watch import BindingsWatch, InForce
from channels.clock import ManualClock
from routing.address import Address, Peer
from routing.entries import AgentEntry
from routing.file import load_bindings
from routing.table import Table

GOOD = "agents: [{id: main, kind: echo}, {id: ops, kind: echo}]\nbindings:\n- {agent: ops, match: {sender: '7'}}\n"
BETTER = GOOD.replace("'7'", "'8'")
BAD = GOOD.replace("agent: ops", "agent: oops")


class Doorman(Agent):
    """An agent that knows whether it was closed."""

    def __init__(self, entry: AgentEntry) -> None:
        self.id = entry.id
        self.closed = 0

    @override
    async def answer(self, turn: Turn) -> Answer:
        return Answer(turn.text)

    async def close(self) -> None:
        self.closed += 1


class House:
    """What the watch works for."""

    def __init__(self, path: Path) -> None:
        self.path, self.clock = path, ManualClock()
        path.write_text(GOOD, "utf-8")
        file = load_bindings(path)
        self.installed: list[InForce] = []
        self.told: list[tuple[str, str]] = []
        self.accepted: list[str] = []
        self.busy: set[str] = set()
        self.reachable = True
        self.first = InForce(file, Table(file.bindings, file.defaults), self.build(file.agents))
        self.watch = BindingsWatch(
            self.first,
            clock=self.clock,
            build=self.build,
            install=self.installed.append,
            tell=self.tell,
            accepted=self.accepted.append,
            busy=self.busy.__contains__,
        )

    def build(self, entries: Sequence[AgentEntry]) -> Mapping[str, Agent]:
        if any(entry.kind != "echo" for entry in entries):
            raise AgentFault("that kind is not known")
        return {entry.id: Doorman(entry) for entry in entries}

    async def tell(self, digest: str, text: str) -> bool:
        if self.reachable:
            self.told.append((digest, text))
        return self.reachable

    async def save(self, text: str) -> None:
        self.path.write_text(text, "utf-8")
        await self.look()

    async def look(self) -> None:
        """Twice: once to see the change, once to find it at rest."""
        await self.watch.look()
        await self.watch.look()

    def agents(self) -> Mapping[str, Agent]:
        return self.installed[-1].agents if self.installed else self.first.agents


@pytest.fixture
async def house(tmp_path: Path) -> House:
    house = House(tmp_path / "bindings.yaml")
    await house.look()
    return house


def winner(version: InForce, sender: str) -> str:
    return version.table.resolve(Address("telegram", "default", Peer("direct", sender), sender=sender)).agent


async def test_saved_version_is_in_force_after_the_second_look(house: House) -> None:
    house.path.write_text(BETTER, "utf-8")
    await house.watch.look()
    assert house.installed == []
    await house.watch.look()
    assert [winner(house.installed[0], sender) for sender in "78"] == ["main", "ops"]
    assert house.accepted == [GOOD, BETTER]


async def test_version_that_is_still_being_written_waits(house: House) -> None:
    for end in (20, 60, 90):
        house.path.write_text(BETTER[:end], "utf-8")
        await house.watch.look()
    await house.save(BETTER)
    assert len(house.installed) == 1
    assert house.told == []


async def test_file_put_in_the_old_ones_place_is_read(house: House) -> None:
    other = house.path.with_suffix(".new")
    other.write_text(BETTER, "utf-8")
    old = house.path.stat()
    os.utime(other, ns=(old.st_atime_ns, old.st_mtime_ns))
    other.replace(house.path)
    await house.look()
    assert len(house.installed) == 1


async def test_same_text_saved_again_changes_nothing(house: House) -> None:
    await house.save(GOOD)
    assert house.installed == []


async def test_faulty_version_leaves_the_last_good_one_and_the_owner_hears_once(house: House) -> None:
    await house.save(BAD)
    await house.look()
    assert house.installed == []
    assert len(house.told) == 1
    assert house.watch.faults == (f"{house.path}:3:11: unknown agent 'oops': did you mean 'ops'?",)


async def test_mended_version_clears_the_faults(house: House) -> None:
    await house.save(BAD)
    await house.save(GOOD)
    assert not house.watch.faults
    await house.save(BAD)
    assert len({digest for digest, _ in house.told}) == 2


async def test_agent_that_cannot_be_built_keeps_everything_as_it_is(house: House) -> None:
    await house.save(BETTER.replace("main, kind: echo", "main, kind: pigeon"))
    assert house.installed == []
    assert house.watch.faults == (f"{house.path}: that kind is not known",)


async def test_owner_who_cannot_be_reached_hears_later(house: House) -> None:
    house.reachable = False
    await house.save(BAD)
    house.reachable = True
    await house.look()
    assert len(house.told) == 1


async def test_file_gone_for_a_moment_is_no_fault(house: House) -> None:
    house.path.unlink()
    await house.look()
    await house.clock.advance(1.9)
    await house.look()
    assert not house.watch.faults
    await house.save(BETTER)
    assert len(house.installed) == 1


async def test_file_gone_for_good_is_told_once_and_its_return_read(house: House) -> None:
    house.path.unlink()
    await house.look()
    await house.clock.advance(2)
    await house.look()
    await house.look()
    assert house.watch.faults == (f"{house.path}: the file is gone: put it back",)
    assert len(house.told) == 1
    await house.save(GOOD)
    assert not house.watch.faults


async def test_unchanged_agents_stay_changed_ones_are_built_anew(house: House) -> None:
    before = house.agents()
    await house.save(BETTER.replace("{id: ops, kind: echo}", "{id: ops, kind: echo, name: Ops}, {id: new, kind: echo}"))
    after = house.agents()
    assert after["main"] is before["main"]
    assert after["ops"] is not before["ops"]
    assert set(after) == {"main", "ops", "new"}


async def test_agent_that_is_gone_is_closed_once_its_last_turn_is_over(house: House) -> None:
    ops = house.agents()["ops"]
    assert isinstance(ops, Doorman)
    house.busy.add("ops")
    await house.save("agents: [{id: main, kind: echo}]\n")
    await house.look()
    assert ops.closed == 0
    house.busy.clear()
    await house.look()
    await house.look()
    assert ops.closed == 1


async def test_all_agents_are_closed_at_the_end(house: House) -> None:
    await house.watch.close()
    assert [agent.closed for agent in house.agents().values() if isinstance(agent, Doorman)] == [1, 1]
