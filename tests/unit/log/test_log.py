import base64
import io
import json
import logging
import re
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.log import LineFormatter, Redaction, configure_logging, escape
from tests.patience import PATIENCE_SECONDS

SECRET = 'ca+na/ry "se\\cret"=任'
TOKEN = "1234567890:AAF-abcdefghijklmnopqrstuvwxyz_012"


class Log:
    """A logger with the real formatter that writes into memory."""

    def __init__(self, name: str) -> None:
        self._stream = io.StringIO()
        handler = logging.StreamHandler(self._stream)
        handler.setFormatter(LineFormatter(Redaction([SECRET])))
        self.logger = logging.Logger(name)  # noqa: LOG001 - one of its own for each test
        self.logger.addHandler(handler)

    @property
    def text(self) -> str:
        return self._stream.getvalue()


@pytest.fixture
def log() -> Log:
    return Log("channels.telegram.polling")


def test_record_is_one_line_with_its_fields(log: Log) -> None:
    log.logger.info("Receiving updates", extra={"account": "default", "bot": "@x", "note": "two words", "empty": ""})

    assert re.fullmatch(
        r"\d\d:\d\d:\d\d INFO  telegram  Receiving updates  account=default bot=@x note='two words' empty=''\n",
        log.text,
    )


@pytest.mark.parametrize(
    ("name", "source"), [("bot.inbox", "inbox"), ("bot.delivery.worker", "delivery"), ("httpx", "httpx")]
)
def test_source_is_the_part_of_the_house(name: str, source: str) -> None:
    log = Log(name)
    log.logger.warning("Look")

    assert log.text[8:] == f" WARN  {source}  Look\n"


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        urllib.parse.quote(SECRET),
        urllib.parse.quote(SECRET, safe=""),
        urllib.parse.quote_plus(SECRET),
        repr(SECRET),
        json.dumps(SECRET),
        base64.b64encode(SECRET.encode()).decode(),
        base64.b64encode(b"a" + SECRET.encode() + b"z").decode(),
        base64.b64encode(b"user:" + SECRET.encode()).decode(),
        base64.urlsafe_b64encode(b"ab" + SECRET.encode() + b"yz").decode(),
    ],
)
def test_known_secret_is_hidden_in_every_form_and_place(log: Log, form: str) -> None:
    error = ValueError(f"refused {form}")
    error.add_note(f"with {form}")
    log.logger.error(f"message {form} end")  # noqa: G004
    log.logger.error("argument %s end", form)
    log.logger.error("arguments do not fit", form)  # noqa: PLE1205
    log.logger.error("field", extra={"value": form, "inside": [form]})
    log.logger.error("died", exc_info=RuntimeError(form))
    outer = RuntimeError("outer")
    outer.__cause__ = error
    log.logger.error("chained", exc_info=outer)

    core = form.strip("\"'").rstrip("=")[3:-3]
    assert core not in log.text
    assert core not in log.text.replace("\\\\", "\\")
    assert log.text.count("***") == 8


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        (f"https://api.telegram.org/bot{TOKEN}/getMe", "https://api.telegram.org/bot***/getMe"),
        (f"https://x/bot{TOKEN.replace(':', '%3A')}/getMe", "https://x/bot***/getMe"),
        (f"Bot[token={TOKEN}]", "Bot[token=***]"),
        ("{'authorization': 'Bearer abc.def-1'}", "{'authorization': 'Bearer ***'}"),
        ("bearer  abc", "bearer  ***"),
        ("Bot OTAwMDAwMDAwMDAwMDAwMDAx.GaBcDe.0123456789abcdefghijklmnopqrstuvwxyz-_ x", "Bot *** x"),
        ("key sk-0123456789abcdefABCDEF.", "key ***."),
        ("postgresql://javis:p:w@host/db", "postgresql://***@host/db"),
        ("at 12:03:11 in chat -5298003529: nothing", "at 12:03:11 in chat -5298003529: nothing"),
        ("http://127.0.0.1:8080/a@b", "http://127.0.0.1:8080/a@b"),
    ],
)
def test_what_looks_like_a_secret_is_hidden_and_the_rest_is_not(text: str, cleaned: str) -> None:
    assert Redaction([]).clean(text) == cleaned


def test_secret_that_begins_with_another_is_hidden_whole() -> None:
    assert Redaction(["canary", "canary-and-more"]).clean("canary-and-more canary") == "*** ***"


def test_short_secret_does_not_eat_the_log() -> None:
    assert Redaction(["", "a", "abc"]).clean("abc") == "abc"


@given(
    st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), min_size=16, max_size=40),
    st.binary(max_size=5),
    st.binary(max_size=5),
)
def test_any_secret_is_hidden_in_base64(secret: str, before: bytes, after: bytes) -> None:
    encoded = base64.b64encode(before + secret.encode() + after).decode()
    left = Redaction([secret]).clean(encoded)

    assert "***" in left
    assert len(left.replace("***", "")) <= len(encoded) - len(secret)


@pytest.mark.parametrize("sign", ["\n", "\r", "\x1b[31m", "\x00", "\x85", "\u2028", "\u2029", "\u202e", "\u2066", "\t"])
def test_control_characters_never_begin_a_line_or_colour_it(log: Log, sign: str) -> None:
    log.logger.info("a %s b", sign, extra={"field": f"c{sign}d"})

    assert sign not in log.text.removesuffix("\n")
    assert len(log.text.splitlines()) == 1
    assert escape(sign) in log.text


def test_traceback_is_indented_so_that_it_feigns_no_record(log: Log) -> None:
    log.logger.error("died", exc_info=ValueError("x\n12:00:00 INFO  gate  Let in\x1b[2J"))

    first, *below = log.text.splitlines()
    assert first.endswith("telegram  died")
    assert "    12:00:00 INFO  gate  Let in\\x1b[2J" in below
    assert all(line.startswith("    ") for line in below)


CONFIGURED = """
import logging, sys, threading, warnings
from pathlib import Path
from bot.log import configure_logging
configure_logging("info", Path(sys.argv[1]) if len(sys.argv) > 1 else None, ["canary-secret"])
logging.getLogger("bot.app").info("Started", extra={"key": "canary-secret"})
logging.getLogger("bot.app").debug("Not this")
if len(sys.argv) > 1:
    Path(sys.argv[1]).rename(sys.argv[1] + ".1")
    logging.getLogger("bot.app").info("Rotated")
for name in ("httpx", "httpcore", "apscheduler.scheduler", "telegram.Bot", "aiohttp.access"):
    logging.getLogger(name).info("Not this either")
    logging.getLogger(name).warning("But this")
warnings.warn("canary-secret is old")
def fail():
    raise ValueError("canary-secret in a thread")
class Broken:
    def __del__(self):
        raise ValueError("canary-secret unraised")
thread = threading.Thread(target=fail)
thread.start()
thread.join()
Broken()
raise RuntimeError("canary-secret at the end")
"""


def run(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", CONFIGURED, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    return done.stderr


def test_process_tells_no_secret_to_its_last_word() -> None:
    told = run()

    assert "canary" not in told
    for words in ("app  Started  key=***", "*** is old", "*** in a thread", "*** unraised", "RuntimeError: *** at"):
        assert words in told
    assert "Not this" not in told
    assert told.count("But this") == 5


def test_log_may_go_to_a_file(tmp_path: Path) -> None:
    file = tmp_path / "logs" / "javis.log"
    told = run(str(file))

    assert "app  Started  key=***" in file.with_name("javis.log.1").read_text(encoding="utf-8")
    assert "Rotated" in file.read_text(encoding="utf-8")
    assert "Started" not in told
    assert "RuntimeError: *** at the end" in told


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield root
    root.handlers[:] = handlers
    root.setLevel(level)


def test_file_that_cannot_be_opened_changes_nothing(root: logging.Logger, tmp_path: Path) -> None:
    before = root.handlers[:]

    with pytest.raises(IsADirectoryError):
        configure_logging("info", tmp_path, [])

    assert root.handlers == before
