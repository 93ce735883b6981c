"""How long a table takes to answer, and what a reload costs the running bot."""

import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from bot.agents.echo import EchoAgent
from bot.agents.port import Agent, AgentContext
from bot.bindings_watch import BindingsWatch, InForce
from channels.clock import SystemClock
from routing.address import Address, Peer
from routing.binding import Binding, Match, PeerPattern
from routing.entries import AgentEntry
from routing.file import load_bindings
from routing.lint import lint
from routing.table import Defaults, Table

FEW, MANY = 10, 100_000
RELOADED = 10_000
RELOADS = 6
ADDRESSES = 20_000
STEP_SECONDS = 0.0005


def measure_resolve() -> None:
    """Median of random addresses, half of them bound, in a small table and a large one, by turns."""
    tables = {count: Table(_bindings(count), Defaults()) for count in (FEW, MANY)}
    addresses = {count: _addresses(count) for count in tables}
    middle: dict[int, list[float]] = {count: [] for count in tables}
    for _ in range(3):
        for count, table in tables.items():
            middle[count].append(_median_microseconds(table, addresses[count]))
    few, many = (statistics.median(middle[count]) for count in (FEW, MANY))
    print(f"resolve, {MANY} bindings  {many:8.2f} µs     {many / few:5.2f} x that of {FEW} bindings ({few:.2f} µs)")


async def measure_reload() -> None:
    """A changed file of RELOADED bindings: until it is in force, and how long the loop stood still at the worst.

    The yardstick of the latter is a thread that does nothing but count. Of both the best round counts, since on a busy
    machine the loop waits for others too.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bindings.yaml"
        path.write_text(_text(RELOADED, "b"), "utf-8")
        installed: list[InForce] = []
        watch = _watch(path, installed)
        await watch.look_at_once()
        rounds = [await _reload(path, watch, "ab"[number % 2]) for number in range(RELOADS)]
        counting = [await _gap_beside(partial(_count, 0.5)) for _ in range(RELOADS)]
        begin = time.monotonic()
        findings = lint(load_bindings(path), lambda *_: None)
        checked = time.monotonic() - begin
    if len(installed) != RELOADS or findings:
        raise AssertionError("a new version is not in force")
    seconds, gap, bare = statistics.median(each[0] for each in rounds), min(each[1] for each in rounds), min(counting)
    print(f"reload, {RELOADED} bindings    {seconds:8.2f} s     checked, reading included, in {checked:.2f} s")
    ratio = f"{gap / bare:5.2f} x beside a thread that counts ({bare * 1000:.1f} ms)"
    print(f"the loop stood still        {gap * 1000:8.1f} ms    {ratio}")


async def _reload(path: Path, watch: BindingsWatch, agent: str) -> tuple[float, float]:
    path.write_text(_text(RELOADED, agent), "utf-8")
    stop = asyncio.Event()
    ticking = asyncio.create_task(_longest_gap(stop))
    begin = time.monotonic()
    await watch.look_at_once()
    seconds = time.monotonic() - begin
    stop.set()
    return seconds, await ticking


async def _gap_beside(work: Callable[[], None]) -> float:
    stop = asyncio.Event()
    ticking = asyncio.create_task(_longest_gap(stop))
    await asyncio.to_thread(work)
    stop.set()
    return await ticking


def _count(seconds: float) -> None:
    end, number = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        number += 1


def _watch(path: Path, installed: list[InForce]) -> BindingsWatch:
    file = load_bindings(path)
    return BindingsWatch(
        InForce(file, Table(file.bindings, file.defaults), _agents(file.agents)),
        clock=SystemClock(),
        build=_agents,
        install=installed.append,
        tell=_tell,
        accepted=lambda _text: None,
        busy=lambda _agent: False,
    )


async def _tell(_digest: str, _text: str) -> bool:
    return True


async def _longest_gap(stop: asyncio.Event) -> float:
    longest, last = 0.0, time.monotonic()
    while not stop.is_set():
        await asyncio.sleep(STEP_SECONDS)
        now = time.monotonic()
        longest, last = max(longest, now - last), now
    return longest


def _agents(entries: Sequence[AgentEntry]) -> dict[str, Agent]:
    return {entry.id: EchoAgent(AgentContext(entry, None, None, SystemClock())) for entry in entries}  # type: ignore[arg-type]


def _median_microseconds(table: Table, addresses: Sequence[Address]) -> float:
    clock, resolve = time.perf_counter_ns, table.resolve
    spent = []
    for address in addresses:
        begin = clock()
        resolve(address)
        spent.append(clock() - begin)
    return statistics.median(spent) / 1000


def _bindings(count: int) -> list[Binding]:
    shapes: tuple[Callable[[int], Match], ...] = (
        lambda number: Match("telegram", None, PeerPattern("group", f"-100{number}")),
        lambda number: Match("discord", None, PeerPattern("channel", f"{10**17 + number}")),
        lambda number: Match("telegram", None, sender=f"{number}"),
        lambda number: Match("discord", guild=f"{10**17 + number}", roles=frozenset({f"{number}", f"{number + 1}"})),
        lambda number: Match("telegram", None, PeerPattern("group", f"-100{number}"), thread="42"),
    )
    return [Binding(f"a{number % 7}", shapes[number % len(shapes)](number)) for number in range(count)]


def _addresses(count: int) -> list[Address]:
    """Where the bindings are, and twice as far."""
    rng = random.Random(1)
    found = []
    for _ in range(ADDRESSES):
        number, sender = rng.randrange(2 * count), str(rng.randrange(2 * count))
        if rng.random() < 0.5:
            thread = "42" if rng.random() < 0.3 else None
            found.append(Address("telegram", "default", Peer("group", f"-100{number}"), thread, sender=sender))
        else:
            guild, roles = f"{10**17 + number}", frozenset({str(number), "x"})
            peer = Peer("channel", f"{10**17 + number}")
            found.append(Address("discord", "default", peer, None, guild, roles, sender))
    return found


def _text(count: int, agent: str) -> str:
    forms = (
        '  - {{agent: {agent}, match: {{channel: telegram, peer: {{kind: group, id: "-100{number}"}}}}}}',
        "  - agent: {agent}\n    match:\n      channel: discord\n      peer: {{kind: channel, id: '{snowflake}'}}",
        '  - {{agent: {agent}, match: {{channel: telegram, sender: "1{number}"}}, priority: 2}}',
        '  - {{agent: {agent}, match: {{channel: discord, guild: "{snowflake}", roles: ["{snowflake}"]}}}}',
        "  - {{agent: {agent}, match: {{channel: telegram, peer: {{id: -100{number}}}, thread: 42}}}}",
    )
    lines = ["defaults: {agent: main}", "agents: [{id: main, kind: echo}, {id: a, kind: echo}, {id: b, kind: echo}]"]
    lines += ["bindings:"]
    for number in range(count):
        form = forms[number % len(forms)]
        lines.append(form.format(agent=agent, number=number, snowflake=10**17 + number))
    return "\n".join(lines) + "\n"


def main() -> None:
    measure_resolve()
    asyncio.run(measure_reload())


if __name__ == "__main__":
    main()
