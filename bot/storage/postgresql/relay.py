"""What one process tells the others on the database at this moment, by NOTIFY: no row, no promise that it is heard.

A payload there is at most 8000 bytes, so a text goes in pieces; those of a text are in one transaction, and come in
order and without anything between them.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterator
from itertools import count
from typing import Final

import psycopg
import psycopg_pool

from bot.storage.postgresql.connection import Connection

log = logging.getLogger(__name__)

PIECE_CHARACTERS: Final = 1900  # of four bytes at most
MOST_UNSAID: Final = 10_000  # texts; the database is away
BATCH: Final = 100

# Nothing is lost with it that matters, so nobody waits for the disk. The number keeps equal payloads apart, which the
# server would take for one.
_SAY: Final = """
SELECT pg_notify('javis_' || current_schema(), piece), set_config('synchronous_commit', 'off', true)
FROM unnest(CAST(%(pieces)s AS TEXT[])) AS piece"""


class Relay:
    """Says texts to others on a connection of `connections`, and puts together what they say. `name` signs ours."""

    def __init__(self, name: str, connections: psycopg_pool.AsyncConnectionPool[Connection]) -> None:
        self._name = name
        self._connections = connections
        self._unsaid: deque[str] = deque(maxlen=MOST_UNSAID)
        self._saying: asyncio.Task[None] | None = None
        self._numbers = count()
        self._begun: dict[str, str] = {}
        self.hear: Callable[[str], None] = lambda _text: None
        """Called with each text of another process."""

    def say(self, text: str) -> None:
        """Returns at once."""
        self._unsaid.append(text)
        if self._saying is None:
            self._saying = asyncio.create_task(self._say_all(), name="javis-relay")

    def take(self, payload: str) -> None:
        """A piece that another process said; one that is of no use is passed over."""
        try:
            self._take(*payload.split(" ", 3))
        except (ValueError, TypeError):
            log.warning("Another process said what nobody here understands: run the same version everywhere")

    def _take(self, sender: str, _number: str, more: str, piece: str) -> None:
        text = self._begun.pop(sender, "") + piece
        if more == "+":
            self._begun[sender] = text
        else:
            self.hear(text)

    def forget(self) -> None:
        """The connection was away: what had begun will not be ended."""
        self._begun.clear()

    async def close(self) -> None:
        """Say no more."""
        if self._saying is not None:
            self._saying.cancel()
            await asyncio.gather(self._saying, return_exceptions=True)

    async def _say_all(self) -> None:
        try:
            while self._unsaid:
                texts = [self._unsaid.popleft() for _ in range(min(BATCH, len(self._unsaid)))]
                pieces = [piece for text in texts for piece in self._pieces(text)]
                async with self._connections.connection() as connection:
                    await connection.execute(_SAY, {"pieces": pieces})
        except (psycopg.Error, psycopg_pool.PoolTimeout) as error:
            log.warning("Other machines were not told", extra={"error": str(error).partition("\n")[0]})
        finally:
            self._saying = None

    def _pieces(self, text: str) -> Iterator[str]:
        for begin in range(0, len(text), PIECE_CHARACTERS):
            more = "+" if begin + PIECE_CHARACTERS < len(text) else "."
            yield f"{self._name} {next(self._numbers)} {more} {text[begin : begin + PIECE_CHARACTERS]}"
