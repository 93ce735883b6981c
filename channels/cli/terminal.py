"""The two ends of a terminal, as the channel needs them."""

import asyncio
import io
import threading
from contextlib import suppress
from typing import Protocol, TextIO


class LineSource(Protocol):
    async def readline(self) -> str:
        """The next line without its end; raises EOFError when there are no more."""
        ...


class StreamLines:
    """Lines of a blocking stream, read by a thread of its own.

    The thread is a daemon: nobody can interrupt a read of the keyboard, and nobody should wait for it at the end.
    """

    def __init__(self, stream: TextIO) -> None:
        if isinstance(stream, io.TextIOWrapper):
            with suppress(io.UnsupportedOperation):  # somebody has read from it: it stays as it is
                stream.reconfigure(errors="replace")  # bytes that are no text would end the reading
        self._stream = stream
        self._loop = asyncio.get_running_loop()
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()
        self._thread = threading.Thread(target=self._read, name="terminal", daemon=True)

    async def readline(self) -> str:
        if not self._thread.is_alive() and self._thread.ident is None:
            self._thread.start()
        line = await self._lines.get()
        if line is None:
            self._lines.put_nowait(None)
            raise EOFError
        return line

    def _read(self) -> None:
        with suppress(OSError, ValueError):  # the terminal is gone
            for line in self._stream:
                if not self._hand_over(line.rstrip("\r\n")):
                    return
        self._hand_over(None)

    def _hand_over(self, line: str | None) -> bool:
        try:
            self._loop.call_soon_threadsafe(self._lines.put_nowait, line)
        except RuntimeError:  # the loop has ended
            return False
        return True
