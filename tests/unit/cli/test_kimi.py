"""What `javis kimi` refuses before anything is queued."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.cli.kimi import kimi
from bot.errors import UsageError


@pytest.mark.parametrize("temperature", ["9", "-0.1", "warm", "nan"])
def test_temperature_that_no_model_takes_is_refused(
    temperature: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVIS_HOME", str(tmp_path))
    monkeypatch.setenv("KIMI_API_KEY", "sk-test")
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(kimi, ["write", "name", "", "--", temperature])
    assert isinstance(result.exception, UsageError)
    assert "from 0 to 2" in str(result.exception)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("task", ["", " \n", "\u200b"])
def test_task_that_says_nothing_is_refused(task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVIS_HOME", str(tmp_path))
    monkeypatch.setenv("KIMI_API_KEY", "sk-test")
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(kimi, [task])
    assert isinstance(result.exception, UsageError)
    assert "the task is empty" in str(result.exception)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("chat", ["--5", "-", "five", "٥"])
def test_chat_that_is_no_number_of_telegram_is_refused(
    chat: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVIS_HOME", str(tmp_path))
    monkeypatch.setenv("KIMI_API_KEY", "sk-test")
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(kimi, ["--", "write", "name", chat])
    assert isinstance(result.exception, UsageError)
    assert "no Telegram chat id" in str(result.exception)
    assert list(tmp_path.iterdir()) == []
