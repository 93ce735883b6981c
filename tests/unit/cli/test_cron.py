"""What `javis cron add` refuses."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.cli.failure import tell
from bot.cli.main import javis

BINDINGS = """\
defaults: {agent: main}
agents: [{id: main, kind: echo}]
"""
TO = ("--to", "telegram:5")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a bot with Telegram whose owner nobody named."""
    (tmp_path / "javis.yaml").write_text("channels: {telegram: {}}\n", encoding="utf-8")
    (tmp_path / "bindings.yaml").write_text(BINDINGS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JAVIS_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "1:token")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--every", "5s", "--say", "x", *TO), "between 1m"),
        (("--cron", "0 0 * * 9", "--say", "x", *TO), "0-7"),
        (("--at", "2020-01-01T00:00", "--say", "x", *TO), "over"),
        (("--every", "1h", "--say", "x"), "owners"),
        (("--every", "1h", "--say", "x", "--to", "telegram:@someone"), "to:"),
        (("--every", "1h", "--say", "x", "--to", "matrix:5"), "not enabled"),
        (("--every", "1h", "--ask", "x", "--agent", "nobody", *TO), "nobody"),
        (("--every", "1h", "--say", "x", "--zone", "Mars/Base", *TO), "zone"),
        (("--every", "1h", *TO), "--say or --ask"),
        (("--every", "1h", "--say", " ", *TO), "text:"),
    ],
)
def test_a_job_that_cannot_be_is_refused_with_a_reason(arguments: tuple[str, ...], words: str) -> None:
    error = CliRunner().invoke(javis, ["cron", "add", "bad", *arguments]).exception
    assert isinstance(error, Exception)
    assert words in "\n".join(tell(error) or ())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("cron", "add", "", "--every", "1h", "--say", "x", *TO), "name:"),
        (("cron", "add", "x" * 101, "--every", "1h", "--say", "x", *TO), "name:"),
        (("cron", "add", "x", "--every", "1h", "--say", "", *TO), "text:"),
        (("cron", "remove", ""), "job:"),
        (("tasks", "show", ""), "task_id:"),
    ],
)
def test_what_no_method_takes_is_told_without_a_traceback(arguments: tuple[str, ...], words: str) -> None:
    error = CliRunner().invoke(javis, arguments).exception
    assert isinstance(error, Exception)
    assert words in "\n".join(tell(error) or ())


def test_the_list_shows_why_a_job_failed(tmp_path: Path) -> None:
    runner = CliRunner()
    added = runner.invoke(javis, ["cron", "add", "news", "--every", "1h", "--ask", "x", *TO])
    assert added.exit_code == 0, added.output
    with closing(sqlite3.connect(tmp_path / "data" / "javis.db")) as database, database:
        database.execute("UPDATE jobs SET failures = 1, error = 'model_busy'")
    told = runner.invoke(javis, ["cron", "list"]).output
    assert "ERROR" in told
    assert "model_busy" in told
