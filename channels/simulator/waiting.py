"""Those who wait until something has happened on a stand-in."""

import asyncio
from collections.abc import Callable


class Waiting:
    """`look` is to be called whenever anything happens."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []

    async def until(self, holds: Callable[[], bool]) -> None:
        """Return once `holds` is true."""
        if not holds():
            done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((holds, done))
            await done

    def look(self) -> None:
        """Let those go on for whom it is true now."""
        for waiting in [*self._waiting]:
            holds, done = waiting
            if done.done():
                self._waiting.remove(waiting)
            elif holds():
                self._waiting.remove(waiting)
                done.set_result(None)
