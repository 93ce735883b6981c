"""What is read at every turn is found by an index, however much has been said."""

from pathlib import Path

import pytest

from bot.storage.queries import load_queries
from bot.storage.sqlite import open_sqlite

VALUES = {
    "key": "k",
    "most": 50,
    "after": 0,
    "session_id": 1,
    "channel": "telegram",
    "account": "default",
    "chat": "1",
    "message_id": "1",
    "update_id": "1",
    "kind": "inbox",
    "task_id": "t",
    "source_id": "s",
    "before_ms": 0,
    "now_ms": 0,
}


@pytest.mark.parametrize(
    "name",
    [
        "sessions.history",
        "sessions.recall",
        "sessions.tail",
        "sessions.last",
        "sessions.page",
        "sessions.list",
        "sessions.of_key",
        "sessions.close_idle",
        "sessions.to_archive",
        "roads.of_update",
        "roads.of_message",
        "roads.of_inbox",
        "roads.of_task",
        "roads.sources_of_receipt",
        "roads.deliveries",
    ],
)
async def test_a_read_goes_by_an_index(tmp_path: Path, name: str) -> None:
    async with open_sqlite(tmp_path / "javis.db") as storage:
        plan = storage._writer.execute(f"EXPLAIN QUERY PLAN {load_queries('sqlite')[name]}", VALUES).fetchall()
    steps = [row["detail"] for row in plan]
    whole = [step for step in steps if step.startswith("SCAN") and "USING INDEX" not in step and "newest" not in step]
    assert not whole, steps
    if name in {"sessions.history", "sessions.last", "sessions.page", "sessions.list"}:
        assert not [step for step in steps if "TEMP B-TREE" in step], steps
