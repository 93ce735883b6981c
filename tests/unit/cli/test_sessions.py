"""`javis sessions` at the terminal."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bot.cli.main import javis
from bot.errors import JavisError
from bot.sessions.jsonl import FilesRefused
from bot.sessions.store import SessionStore
from bot.sessions.transcript import Conversation, Record
from bot.storage.sqlite import open_sqlite
from channels.clock import SystemClock

KEY = "agent:main:telegram:direct:5"


class Terminal:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "data"

    def run(self, *arguments: str, **options: Any) -> Result:
        return CliRunner().invoke(javis, arguments, env={"JAVIS_HOME": str(self.home)}, **options)

    def json(self, *arguments: str) -> Any:
        result = self.run(*arguments, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def say(self, *texts: str, key: str = KEY) -> None:
        async def work() -> None:
            clock = SystemClock()
            async with open_sqlite(self.home / "javis.db") as storage:
                records = [Record("user", text, clock.now(), {"sender": "Ann"}) for text in texts]
                await storage.commit(SessionStore(storage, clock).append(Conversation(key), "main", records))

        asyncio.run(work())


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.chdir(tmp_path)
    return Terminal(tmp_path)


def test_sessions_are_listed_and_shown(terminal: Terminal) -> None:
    terminal.say("one", "two", "三")
    terminal.say("other", key="agent:main:main")
    listed = terminal.json("sessions", "list")
    assert [(each["session_key"], each["messages"]) for each in listed] == [("agent:main:main", 1), (KEY, 3)]
    assert KEY in terminal.run("sessions", "list").stdout
    shown = terminal.json("sessions", "show", KEY, "--most", "2")
    assert [message["content"] for message in shown["messages"]] == ["two", "三"]
    assert "Ann\n三" in terminal.run("sessions", "show", str(shown["id"])).stdout
    assert terminal.json("sessions", "list", "--closed") == []


def test_a_session_is_archived_shown_and_restored(terminal: Terminal) -> None:
    terminal.say("one", "two")
    archived = terminal.json("sessions", "archive", KEY)
    assert (archived["state"], archived["messages"]) == ("archived", 2)
    assert (terminal.home / "sessions" / "archive" / archived["archive"]).exists()
    assert terminal.json("sessions", "list") == []
    assert [each["state"] for each in terminal.json("sessions", "list", "--closed")] == ["archived"]
    assert len(terminal.json("sessions", "show", KEY)["messages"]) == 2
    terminal.say("three")
    assert isinstance(terminal.run("sessions", "archive", str(archived["id"])).exception, JavisError)
    assert "Restored" in terminal.run("sessions", "restore", KEY).stdout
    assert [message["content"] for message in terminal.json("sessions", "show", str(archived["id"]))["messages"]] == [
        "one",
        "two",
    ]
    assert [each["id"] for each in terminal.json("sessions", "list")] == [archived["id"]]


def test_sessions_move_to_another_home(terminal: Terminal, tmp_path: Path) -> None:
    terminal.say("one", "two")
    terminal.say("other", key="agent:main:main")
    out = str(tmp_path / "out")
    assert terminal.json("sessions", "export", out) == {"sessions": 2, "messages": 3, "folder": out}
    assert isinstance(terminal.run("sessions", "export", out).exception, JavisError)
    other = Terminal(tmp_path / "elsewhere")
    other.folder.mkdir()
    assert other.json("sessions", "import", out) == {"taken": 2, "left": []}
    assert other.json("sessions", "import", out) == {"taken": 0, "left": ["agent:main:main", KEY]}
    told = other.run("sessions", "import", out)
    assert "--replace" in told.stderr
    assert other.json("sessions", "import", out, "--replace")["taken"] == 2
    assert [message["content"] for message in other.json("sessions", "show", KEY)["messages"]] == ["one", "two"]
    (tmp_path / "out" / "sessions.jsonl").write_text("{}\n")
    refused = other.run("sessions", "import", out).exception
    assert isinstance(refused, FilesRefused)
    assert "sessions.jsonl:1: session_key" in str(refused)


def test_one_session_alone_is_exported(terminal: Terminal, tmp_path: Path) -> None:
    terminal.say("one")
    terminal.say("other", key="agent:main:main")
    terminal.run("sessions", "archive", KEY)
    assert terminal.json("sessions", "export", str(tmp_path / "out"), KEY)["messages"] == 1
    names = [path.name for path in (tmp_path / "out" / "transcripts").iterdir()]
    assert names == ["agent_main_telegram_direct_5.jsonl"]


def test_deleting_asks_first(terminal: Terminal) -> None:
    terminal.say("one")
    assert terminal.run("sessions", "delete", KEY, input="n\n").exit_code == 1
    assert len(terminal.json("sessions", "list")) == 1
    assert "Deleted" in terminal.run("sessions", "delete", KEY, input="y\n").stdout
    assert terminal.json("sessions", "list") == []
    assert isinstance(terminal.run("sessions", "delete", KEY, "--yes").exception, JavisError)
    assert isinstance(terminal.run("sessions", "show", "7").exception, JavisError)
