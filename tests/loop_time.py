"""The event loop's own time, for limits that are kept with its timers: `call_later`, `asyncio.timeout`."""

import asyncio


class LoopTime:
    """The time of the running loop, which passes as always and can be moved on. Ends with the loop."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        time, self._skipped = loop.time, 0.0
        loop.time = lambda: time() + self._skipped  # type: ignore[method-assign]

    async def skip(self, seconds: float) -> None:
        """As if so much had passed; what is due then has begun when this returns."""
        self._skipped += seconds
        await asyncio.sleep(0)
        await asyncio.sleep(0)
