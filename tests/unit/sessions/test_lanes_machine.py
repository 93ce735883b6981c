"""Lanes beside a plain model: one job at a time per key, fair between keys, cancellable, nothing kept for idle keys."""

import asyncio
from collections import deque
from collections.abc import Callable

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from typing_extensions import override

from bot.sessions.lanes import Lanes

KEYS = ("a", "b", "c", "d")


class Model:
    """`width` places. A key that has had its turn goes to the end of those that are ready."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.waiting: dict[str, deque[int]] = {}
        self.ready: deque[str] = deque()
        self.running: dict[str, int] = {}
        self.begun: list[int] = []

    def submit(self, key: str, job: int) -> None:
        if key in self.waiting:
            self.waiting[key].append(job)
        else:
            self.waiting[key] = deque((job,))
            self.ready.append(key)
        self.fill()

    def end(self, key: str) -> None:
        del self.running[key]
        if not self.waiting[key]:
            del self.waiting[key]
        elif self.ready:
            self.ready.append(key)
        else:
            self.begin(key)
        self.fill()

    def fill(self) -> None:
        while self.ready and len(self.running) < self.width:
            self.begin(self.ready.popleft())

    def begin(self, key: str) -> None:
        self.running[key] = self.waiting[key].popleft()
        self.begun.append(self.running[key])


class LaneMachine(RuleBasedStateMachine):
    width = 2

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.lanes = Lanes(self.width)
        self.model = Model(self.width)
        self.begun: list[int] = []
        self.gates: dict[int, asyncio.Event] = {}
        self.fails: set[int] = set()

    def do(self, act: Callable[[], object]) -> None:
        """`act` in the loop, then as many turns as anything can take."""

        async def run() -> None:
            act()
            for _ in range(50):
                await asyncio.sleep(0)

        self.runner.run(run())

    @rule(key=st.sampled_from(KEYS), fails=st.booleans())
    def submit(self, key: str, *, fails: bool) -> None:
        number = len(self.gates)
        self.gates[number] = asyncio.Event()

        async def job() -> None:
            self.begun.append(number)
            await self.gates[number].wait()
            if fails:
                raise RuntimeError("a job's own fault")

        self.do(lambda: self.lanes.submit(key, job))
        self.model.submit(key, number)

    @precondition(lambda self: self.model.running)
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.model.running)))
        self.do(self.gates[self.model.running[key]].set)
        self.model.end(key)

    @precondition(lambda self: self.model.running)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.model.running)))
        self.do(self.lanes._running[key].cancel)
        self.model.end(key)

    @invariant()
    def jobs_begin_as_in_the_model(self) -> None:
        assert self.begun == self.model.begun

    @invariant()
    def no_more_run_than_there_are_places_and_idle_keys_are_forgotten(self) -> None:
        assert set(self.lanes._running) == set(self.model.running)
        assert len(self.lanes._running) <= self.width
        assert set(self.lanes._queues) == set(self.model.waiting)
        assert {key for key in KEYS if self.lanes.busy(key)} == set(self.model.waiting)

    @override
    def teardown(self) -> None:
        for gate in self.gates.values():
            self.do(gate.set)
        assert self.lanes._idle.is_set()
        self.runner.close()


class NarrowLaneMachine(LaneMachine):
    width = 1


for machine in (LaneMachine, NarrowLaneMachine):
    machine.TestCase.settings = settings(max_examples=60, stateful_step_count=40)
TestLanesAgainstTheirModel = LaneMachine.TestCase
TestOneLaneAtATimeAgainstItsModel = NarrowLaneMachine.TestCase
