"""The link to one MCP server: made when it is first needed, and made anew when it broke."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any, Final

from bot.tools.mcp_port import RemoteTool, RemoteTools, ServerGone
from bot.tools.port import ToolFailed, ToolResult
from channels.clock import Clock, deadline

log = logging.getLogger(__name__)

Connect = Callable[[], AbstractAsyncContextManager[RemoteTools]]

START_SECONDS: Final = 30.0
LIST_SECONDS: Final = 10.0
LIST_AGAIN_SECONDS: Final = 60.0
"""After this long a list of tools is asked for again, which also shows whether the server still lives."""
PAUSES_SECONDS: Final = (5.0, 30.0, 120.0, 300.0)
"""How long a server that failed so often in a row is left alone."""


class McpLink:
    """`connect` opens a connection. Not used by anybody, it costs nothing."""

    def __init__(self, name: str, connect: Connect, clock: Clock) -> None:
        self._name = name
        self._connect = connect
        self._clock = clock
        self._task: asyncio.Task[None] | None = None
        self._ready: asyncio.Future[RemoteTools] | None = None
        self._failures = 0
        self._not_before = clock.monotonic()
        self._tools: Sequence[RemoteTool] = ()
        self._listed_at: float | None = None

    async def tools(self) -> Sequence[RemoteTool]:
        """What the server offers; it is started where it does not run. Raises ServerGone."""
        now = self._clock.monotonic()
        if self._listed_at is None or now - self._listed_at >= LIST_AGAIN_SECONDS or self._is_down:
            self._tools = await self._list()
            self._listed_at, self._failures = self._clock.monotonic(), 0
        return self._tools

    async def call(self, name: str, arguments: Mapping[str, Any], *, again: bool) -> ToolResult:
        """The result. With `again` a call that a broken link swallowed is repeated once. Raises ToolFailed."""
        for is_last in (not again, True):
            try:
                remote = await self._remote()
            except ServerGone as gone:
                raise ToolFailed("the tool's server does not run right now") from gone
            try:
                return await remote.call(name, arguments)
            except ToolFailed:
                self._listed_at = None  # it may be the connection: look before the next turn
                raise
            except ServerGone as gone:
                log.warning("An MCP server is gone", extra={"server": self._name, "reason": str(gone)})
                await self._drop(remote)
                if is_last:
                    raise ToolFailed("the tool's server stopped: nobody knows whether it was done") from gone
        raise AssertionError("the last round returns or raises")

    async def close(self) -> None:
        """End the connection, and the server where it is ours."""
        task, self._task, self._ready, self._listed_at = self._task, None, None, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _drop(self, remote: RemoteTools) -> None:
        """Close this connection, unless another one took its place."""
        ready = self._ready
        if ready is not None and ready.done() and ready.exception() is None and ready.result() is remote:
            await self.close()

    @property
    def _is_down(self) -> bool:
        return self._task is None or self._task.done()

    async def _list(self) -> Sequence[RemoteTool]:
        for is_last in (False, True):
            was_up = not self._is_down
            remote = await self._remote()
            try:
                async with deadline(self._clock, LIST_SECONDS):
                    return await remote.list()
            except (ServerGone, TimeoutError) as error:
                await self._drop(remote)
                if is_last or not was_up:
                    self._note_failure()
                    raise ServerGone(str(error) or "its tools cannot be listed in time") from error
        raise AssertionError("the last round returns or raises")

    async def _remote(self) -> RemoteTools:
        """The connection, made if there is none. Raises ServerGone."""
        if self._is_down or self._ready is None:
            if self._clock.monotonic() < self._not_before:
                raise ServerGone("it failed a moment ago and is left alone")
            self._ready = asyncio.get_running_loop().create_future()
            self._task = asyncio.create_task(self._hold(self._ready), name=f"mcp {self._name}")
        return await asyncio.shield(self._ready)

    async def _hold(self, ready: asyncio.Future[RemoteTools]) -> None:
        """Hold the connection until cancelled. It is opened and closed in one task, as the SDK demands."""
        try:
            async with AsyncExitStack() as stack:
                async with deadline(self._clock, START_SECONDS):
                    remote = await stack.enter_async_context(self._connect())
                log.info("An MCP server runs", extra={"server": self._name})
                ready.set_result(remote)
                await asyncio.Event().wait()
        except (ServerGone, TimeoutError) as error:
            self._note_failure()
            log.warning("An MCP server does not start", extra={"server": self._name, "reason": str(error)})
            _fail(ready, ServerGone(str(error) or "it did not start in time"))
        except asyncio.CancelledError:
            _fail(ready, ServerGone("it was stopped"))
            raise
        except Exception as error:
            self._note_failure()
            log.exception("An MCP server's connection failed", extra={"server": self._name})
            _fail(ready, ServerGone(type(error).__name__))

    def _note_failure(self) -> None:
        pause = PAUSES_SECONDS[min(self._failures, len(PAUSES_SECONDS) - 1)]
        self._failures += 1
        self._not_before = self._clock.monotonic() + pause


def _fail(ready: asyncio.Future[RemoteTools], error: ServerGone) -> None:
    if not ready.done():
        ready.set_exception(error)
        ready.exception()  # whoever waited may be gone: then nobody is to be warned about it
