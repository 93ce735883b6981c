"""What a failure looks like to the person at the terminal."""

import errno
import os
from pathlib import Path

import pytest

from bot.cli import context
from bot.cli.failure import exit_code_of, tell
from bot.errors import ConfigurationError
from bot.settings.load import load_settings
from bot.storage.lock import run_lock


def _error(number: int, path: str | None = None) -> OSError:
    return OSError(number, os.strerror(number), path)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST])
def test_path_that_cannot_be_used_is_one_line_with_its_remedy(number: int) -> None:
    error = _error(number, "/srv/javis/data")
    assert tell(error) == [f"/srv/javis/data: {os.strerror(number)}: check the rights there, or choose another place"]
    assert exit_code_of(error) == 2


def test_full_disk_is_one_line_and_may_be_tried_again() -> None:
    error = _error(errno.ENOSPC)
    assert tell(error) == ["No space left on device: make room there, or choose another place"]
    assert exit_code_of(error) == 1


def test_group_of_faults_of_the_disk_is_told_line_by_line() -> None:
    group = ExceptionGroup("both", [_error(errno.ENOSPC, "/a"), ConfigurationError("set it")])
    assert tell(group) == ["/a: No space left on device: make room there, or choose another place", "set it"]
    assert exit_code_of(group) == 2


@pytest.mark.parametrize("number", [errno.ENOENT, errno.ECONNRESET, errno.EBADF])
def test_other_failures_of_the_system_keep_their_traceback(number: int) -> None:
    assert tell(_error(number, "/a")) is None


def test_home_that_is_a_file_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "home").touch()
    with pytest.raises(NotADirectoryError) as caught, run_lock(tmp_path / "home" / "javis.db"):
        pass
    assert tell(caught.value) is not None


def test_log_file_that_cannot_be_opened_is_named_by_its_setting(tmp_path: Path) -> None:
    settings_file = tmp_path / "javis.yaml"
    settings_file.write_text(f"log: {{file: {tmp_path}}}\n")
    settings = load_settings(settings_file, {}, {})
    with pytest.raises(ConfigurationError) as caught:
        context.start_logging(settings)
    assert str(caught.value) == f"the log cannot be written to {tmp_path} (Is a directory): change log.file"
