"""How SQLite finds the rows of the inbox and the outbox: never by reading all that was ever sent."""

import re
from pathlib import Path

import pytest

from bot.storage.queries import load_queries
from bot.storage.sqlite import open_sqlite

# Each may pass over what it passes over; nothing else may scan.
ALLOWED = {
    "inbox.waiting_count": {"SCAN inbox USING INDEX inbox_waiting"},  # unfinished rows alone
    "inbox.set_aside_count": {"SCAN inbox USING INDEX inbox_set_aside"},  # hardly any
    "outbox.chats_due": {"SCAN waiting"},  # the chats that it has found, one step each
    "outbox.enqueue": {"SCAN CONSTANT ROW", "SCAN this"},  # one row
    "outbox.list_waiting": {"SCAN outbox USING INDEX outbox_waiting"},  # as many as wait
    "outbox.list": {"SCAN outbox"},  # the newest, from the end, as many as are wanted
    "outbox.list_sent": {"SCAN outbox"},  # as above: nearly all rows are sent
    "outbox.counts": {"SCAN outbox"},  # a person's question, not the road's
}


@pytest.mark.parametrize("table", ["inbox", "outbox"])
async def test_no_statement_of_the_road_reads_a_whole_table(tmp_path: Path, table: str) -> None:
    scans: dict[str, set[str]] = {}
    async with open_sqlite(tmp_path / "javis.db") as opened:
        for name, sql in load_queries("sqlite").items():
            if name.startswith(f"{table}."):
                values = dict.fromkeys(re.findall(r"(?<![:\w]):([a-z_]\w*)", sql))
                plan = opened._writer.execute(f"EXPLAIN QUERY PLAN {sql}", values).fetchall()
                scans[name] = {row["detail"] for row in plan if row["detail"].startswith("SCAN")}
    assert scans
    assert {name: found for name, found in scans.items() if found - ALLOWED.get(name, set())} == {}


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("inbox.waiting", "inbox_waiting"),
        ("outbox.chat_queue", "outbox_waiting"),
        ("outbox.claim", "outbox_waiting"),
        ("outbox.chats_due", "outbox_waiting"),
        ("outbox.interrupted", "outbox_waiting"),
        ("outbox.end_chat", "outbox_waiting"),
        ("outbox.find", "sqlite_autoindex_outbox_1"),
        ("outbox.list_trouble", "outbox_trouble"),
        ("tasks.unreported", "tasks_unreported"),
        ("tasks.unreported_places", "tasks_unreported"),
        ("outbox.prune", "outbox_finished"),
        ("inbox.prune", "inbox_finished"),
        ("budgets.prune_calls", "model_calls_at"),
    ],
)
async def test_hot_reads_use_their_index(tmp_path: Path, name: str, index: str) -> None:
    sql = load_queries("sqlite")[name]
    values = dict.fromkeys(re.findall(r"(?<![:\w]):([a-z_]\w*)", sql))
    async with open_sqlite(tmp_path / "javis.db") as opened:
        plan = [row["detail"] for row in opened._writer.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
    assert any(f"USING INDEX {index} " in line or f"USING COVERING INDEX {index} " in line for line in plan), plan
