"""Recall from many messages beside a scan of the same text. `python -m bench.memory 1000000` takes as many."""

import asyncio
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bot.memory.store import MemoryStore
from bot.memory.words import index_words
from bot.storage.sqlite import open_sqlite
from channels.clock import SystemClock

MEMORIES = 100_000
KEYS = 100
RECALLS = 200
SCANS = 10
SENTENCE = 24  # characters
LARGEST = "agent:main:main"


async def measure_recall(memories: int = MEMORIES) -> None:
    """Half of the memories belong to one conversation, in which half of the questions are asked."""
    dice = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "javis.db"
        async with open_sqlite(path):
            pass
        texts = list(_texts(dice))
        keys = _fill(path, texts, memories, dice)
        async with open_sqlite(path) as storage:
            store = MemoryStore(storage, SystemClock())
            milliseconds = []
            for number in range(RECALLS):
                text = dice.choice(texts)
                begin = time.monotonic()
                query, key = text[: dice.choice((2, 3, 6, 12))], LARGEST if number % 2 else dice.choice(keys)
                await store.recall(key, query, 8)
                milliseconds.append((time.monotonic() - begin) * 1000)
        scan = statistics.median(_scan(path, dice.choice(texts)[:2]) for _ in range(SCANS))
    middle, p95 = statistics.median(milliseconds), statistics.quantiles(milliseconds, n=20)[18]
    told = f"{p95 / scan:5.2f} x a scan by LIKE: {scan:.0f} ms"
    print(f"recall of {memories:>9,}         {middle:8.1f} ms    p95 {p95:.1f} ms, {told}")


def _texts(dice: random.Random) -> Iterator[str]:
    """Sentences in which some characters are frequent and most are rare, as in any language."""
    characters = [chr(0x4E00 + number) for number in range(3000)]
    weights = [1 / (number + 1) for number in range(3000)]
    for _ in range(20_000):
        yield "".join(dice.choices(characters, weights, k=SENTENCE))


def _fill(path: Path, texts: list[str], memories: int, dice: random.Random) -> list[str]:
    """Straight into the tables: taking messages in is not what is measured."""
    keys = [LARGEST, *(f"agent:main:telegram:direct:{number}" for number in range(1, KEYS))]
    words = [index_words(text) for text in texts]
    database = sqlite3.connect(path)
    with database:
        database.executemany("INSERT INTO memory_scopes (key) VALUES (?)", ((key,) for key in keys))
        rows = (
            (1 if number % 2 else dice.randint(2, KEYS), texts[at], words[at], number)
            for number in range(memories)
            for at in (dice.randrange(len(texts)),)
        )
        database.executemany(
            "INSERT INTO memories (scope_id, kind, text, words, created_ms) VALUES (?, 'said', ?, ?, ?)", rows
        )
    database.close()
    return keys


def _scan(path: Path, words: str) -> float:
    """Milliseconds of a search without an index."""
    database = sqlite3.connect(path)
    begin = time.monotonic()
    database.execute(
        "SELECT id FROM memories WHERE scope_id = 1 AND text LIKE ? ORDER BY id DESC", (f"%{words}%",)
    ).fetchall()
    seconds = time.monotonic() - begin
    database.close()
    return seconds * 1000


if __name__ == "__main__":
    asyncio.run(measure_recall(int(sys.argv[1]) if len(sys.argv) > 1 else MEMORIES))
