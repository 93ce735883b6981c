"""`javis import claw0-queue` over real files and a real database."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bot.cli.imports import import_
from bot.delivery.foreign import MOST_BYTES
from bot.delivery.item import OutboxItem
from bot.delivery.store import OutboxStore
from bot.errors import UsageError
from bot.storage.sqlite import open_sqlite
from channels.clock import SystemClock

SETTINGS = "channels: {telegram: {accounts: {default: {token: '1:a'}, second: {token: '2:b'}}}}\n"


class Desk:
    """A folder with settings, a foreign queue and a database of ours."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.queue = folder / "delivery-queue"
        (self.queue / "failed").mkdir(parents=True)
        (folder / "javis.yaml").write_text(SETTINGS, encoding="utf-8")

    def claw0(self, name: str, *, failed: bool = False, **fields: Any) -> Path:
        document = {"id": name, "channel": "telegram", "to": "42", "text": name, "enqueued_at": time.time(), **fields}
        return self.write(name, document, failed=failed)

    def openclaw(self, name: str, **fields: Any) -> Path:
        now = round(time.time() * 1000)
        document = {"id": name, "channel": "telegram", "to": "42", "enqueuedAt": now, "retryCount": 0}
        return self.write(name, {**document, "payloads": [{"text": name}], **fields})

    def write(self, name: str, document: object, *, failed: bool = False) -> Path:
        path = (self.queue / "failed" if failed else self.queue) / f"{name}.json"
        path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
        return path

    def run(self, *arguments: str) -> Result:
        settings = str(self.folder / "javis.yaml")
        return CliRunner().invoke(
            import_,
            ["claw0-queue", str(self.queue), "--settings", settings, *arguments],
            env={"JAVIS_HOME": str(self.folder / "data")},
            catch_exceptions=False,
        )

    def rows(self) -> list[OutboxItem]:
        async def read() -> list[OutboxItem]:
            async with open_sqlite(self.folder / "data" / "javis.db") as storage:
                return list(reversed(await OutboxStore(storage, SystemClock()).newest(None, 500)))

        return asyncio.run(read())


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_waiting_files_are_queued_in_the_order_of_their_time(desk: Desk) -> None:
    now = time.time()
    desk.claw0("b", enqueued_at=now - 20, retry_count=2, next_retry_at=now + 3600)
    desk.claw0("a", enqueued_at=now - 10)
    result = desk.run("--json")
    assert (result.exit_code, json.loads(result.stdout)["queued"]) == (0, 2)
    rows = desk.rows()
    assert [(row.payload["text"], row.state, row.attempts) for row in rows] == [("b", "queued", 2), ("a", "queued", 0)]
    assert rows[0].due.timestamp() == pytest.approx(now + 3600, abs=0.01)


def test_importing_again_changes_nothing(desk: Desk) -> None:
    paths = [desk.claw0("a"), desk.claw0("dead", failed=True, last_error="chat not found")]
    before = [path.read_bytes() for path in paths]
    desk.run()
    again = json.loads(desk.run("--json").stdout)
    assert again == {"queued": 0, "failed": 0, "expired": 0, "known": 2, "left": []}
    assert len(desk.rows()) == 2
    assert [path.read_bytes() for path in paths] == before


def test_failed_files_become_dead_letters_with_their_reason(desk: Desk) -> None:
    desk.claw0("dead", failed=True, retry_count=6, last_error="chat not found")
    desk.run()
    (row,) = desk.rows()
    assert (row.state, row.reason, row.attempts) == ("failed", "imported: chat not found", 5)


def test_what_is_older_than_a_week_is_kept_and_not_sent(desk: Desk) -> None:
    desk.claw0("old", enqueued_at=time.time() - 8 * 86_400)
    assert json.loads(desk.run("--json").stdout)["expired"] == 1
    (row,) = desk.rows()
    assert (row.state, row.reason) == ("failed", "expired")


@pytest.mark.parametrize(
    ("fields", "chat", "thread"),
    [
        ({"to": "telegram:-1001:topic:7"}, "-1001", "7"),
        ({"to": "group:-1001"}, "-1001", None),
        ({"to": "-1001:9"}, "-1001", "9"),
        ({"to": "-1001", "threadId": 5}, "-1001", "5"),
    ],
)
def test_targets_of_openclaw_are_read(desk: Desk, fields: dict[str, Any], chat: str, thread: str | None) -> None:
    desk.openclaw("x", accountId="second", replyToId="8", **fields)
    assert desk.run().exit_code == 0
    (row,) = desk.rows()
    assert (row.destination.account, row.destination.chat, row.destination.thread) == ("second", chat, thread)
    assert row.payload["reply_parameters"]["message_id"] == 8


def test_each_payload_is_a_row_and_what_was_begun_may_have_arrived(desk: Desk) -> None:
    payloads = [{"text": "**one**"}, {"text": "two", "mediaUrl": "/tmp/cat.png"}]  # noqa: S108
    desk.openclaw("x", payloads=payloads, recoveryState="send_attempt_started", retryCount=9)
    result = desk.run()
    assert "its 1 files are not" in result.stderr
    rows = desk.rows()
    assert [(row.part, row.payload["text"], row.duplicate, row.attempts) for row in rows] == [
        (0, "one", True, 4),
        (1, "two", True, 4),
    ]


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "is no JSON object"),
        (" " * (MOST_BYTES + 1), "larger than 1 MiB"),
        ({"id": "x", "channel": "telegram", "to": "42"}, "text: Field required"),
        ({"id": "x", "channel": "telegram", "to": "42", "text": "x", "enqueued_at": 1e300}, "enqueued_at"),
        ({"id": "x", "channel": "telegram", "to": "@name", "text": "x"}, "a name is not an id"),
        ({"id": "x", "channel": "slack", "to": "42", "text": "x"}, "channels.slack.accounts.default is not in"),
        ({"id": "x", "channel": "telegram", "to": "42", "accountId": "nobody", "payloads": [{"text": "x"}]}, "nobody"),
        ({"id": "x", "channel": "telegram", "to": "42", "payloads": [{"mediaUrl": "y"}]}, "holds no text"),
    ],
)
def test_bad_file_is_named_and_left_and_the_others_go_on(desk: Desk, document: object, words: str) -> None:
    desk.claw0("good")
    bad = desk.write("bad", document)
    result = desk.run()
    assert result.exit_code == 1
    assert f"{bad}: " in result.stderr
    assert words in result.stderr
    assert bad.exists()
    assert [row.payload["text"] for row in desk.rows()] == ["good"]


def test_folder_without_a_queue_is_told(desk: Desk) -> None:
    with pytest.raises(UsageError, match="delivery-queue"):
        desk.run()
