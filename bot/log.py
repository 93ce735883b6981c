"""The log: one line a record, a constant message and its fields, and no secret anywhere in it.

    12:03:11 INFO  telegram  Receiving updates  account=default bot=@x

A traceback stands below its record, indented; it is redacted like everything else.
"""

import base64
import json
import logging
import re
import sys
import threading
import traceback
from collections.abc import Iterable
from logging.handlers import WatchedFileHandler
from pathlib import Path
from typing import Final
from urllib.parse import quote, quote_plus

from typing_extensions import override

HIDDEN: Final = "***"
QUIET: Final = ("httpx", "httpcore", "apscheduler", "telegram", "discord", "aiohttp.access", "asyncio", "uvicorn")
"""Libraries that speak from WARNING upwards only; httpx would tell the bot's token at INFO."""

_LOOKS_SECRET: Final = (
    (re.compile(r"(?<!\d)\d{6,}(?::|%3A)[\w-]{20,}", re.IGNORECASE | re.ASCII), HIDDEN),  # a Telegram bot's token
    (re.compile(r"\b[\w-]{23,30}\.[\w-]{6,7}\.[\w-]{27,40}\b", re.ASCII), HIDDEN),  # a Discord bot's token
    (re.compile(r"\b(bearer)(\s+|%20)[^\s\"',;)}\]]+", re.IGNORECASE), rf"\1\2{HIDDEN}"),
    (re.compile(r"\bsk-[\w-]{16,}", re.ASCII), HIDDEN),  # a key for a model
    (re.compile(r"(://)[^/\s:@]*:[^/\s@]+@"), rf"\1{HIDDEN}@"),  # a password in an address
)
_LEVELS: Final = {logging.WARNING: "WARN", logging.CRITICAL: "FATAL"}
_SHORTEST: Final = 4
_ORDINARY: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
# Line breaks, control characters, and what makes a terminal show a text in another order than it has.
_UNSAFE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


class Redaction:
    """Replaces secrets in a text: those that are known, in any usual encoding, and what looks like one."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets if len(secret) >= _SHORTEST for form in _forms(secret)}
        # The longest first, or the rest of a secret that begins with another one would stay.
        known = "|".join(map(re.escape, sorted(forms, key=len, reverse=True)))
        self._known = re.compile(known) if known else None

    def clean(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        for pattern, instead in _LOOKS_SECRET:
            text = pattern.sub(instead, text)
        return text


class LineFormatter(logging.Formatter):
    """Writes a record as one line, and its traceback below.

    The redaction works on the finished text, so that no field, argument or cause can pass it by.
    """

    def __init__(self, redaction: Redaction) -> None:
        super().__init__(datefmt="%H:%M:%S")
        self._redaction = redaction

    @override
    def format(self, record: logging.LogRecord) -> str:
        fields = [
            f"{name}={_field(self._redaction.clean(str(value)))}"
            for name, value in vars(record).items()
            if name not in _ORDINARY
        ]
        level = _LEVELS.get(record.levelno, record.levelname)
        head = f"{self.formatTime(record, self.datefmt)} {level:<5} {_source(record.name)}"
        parts = [head, _message(record), " ".join(fields)]
        line = escape(self._redaction.clean("  ".join(part for part in parts if part)))
        if record.exc_info and record.exc_info[0] is not None:
            line += f"\n{self._below(self.formatException(record.exc_info))}"
        if record.stack_info:
            line += f"\n{self._below(record.stack_info)}"
        return line

    def _below(self, text: str) -> str:
        return "\n".join(f"    {escape(line)}" for line in self._redaction.clean(text).split("\n"))


def configure_logging(level: str, file: Path | None, secrets: Iterable[str]) -> None:
    """Send everything that is logged to `file` (None: standard error), from `level` (`info`) upwards.

    What kills a process or a thread is redacted on standard error. Raises OSError when `file` cannot be opened.
    """
    handler: logging.Handler = logging.StreamHandler(sys.stderr)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        handler = WatchedFileHandler(file, encoding="utf-8", errors="backslashreplace")
    redaction = Redaction(secrets)
    handler.setFormatter(LineFormatter(redaction))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("discord.client").setLevel(logging.ERROR)  # it warns that nothing is there to speak aloud with
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # a handler that cannot write would print the record as it came
    _redact_last_words(redaction)


def escape(text: str) -> str:
    """`text` with line breaks, control characters and marks of direction written as `\\n`, `\\x1b`, `\\u202e`."""
    return _UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def _redact_last_words(redaction: Redaction) -> None:
    def tell(error: BaseException | None) -> None:
        if error is not None:
            sys.stderr.write(redaction.clean("".join(traceback.format_exception(error))))

    sys.excepthook = lambda _kind, error, _trace: tell(error)
    sys.unraisablehook = lambda unraisable: tell(unraisable.exc_value)
    threading.excepthook = lambda thread: tell(thread.exc_value)


def _forms(secret: str) -> Iterable[str]:
    """The secret itself, and as it looks in a URL, in `repr`, in JSON, and inside a base64 text."""
    raw = secret.encode("utf-8", "surrogatepass")
    yield quote(secret, safe="", errors="surrogatepass")
    yield quote(secret, errors="surrogatepass")
    yield quote_plus(secret, errors="surrogatepass")
    quoted = {secret, repr(secret)[1:-1], json.dumps(secret)[1:-1]}
    for form in quoted:  # quoted texts are often quoted once more
        yield from (form, repr(form)[1:-1], json.dumps(form)[1:-1])
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for before in range(3):
            # In base64 three bytes become four letters, so a secret has three looks; the letters at its ends
            # belong to its neighbours too and are left out.
            text = encode(b"\0" * before + raw).decode().rstrip("=")
            inside = text[(0, 2, 3)[before] : len(text) if (before + len(raw)) % 3 == 0 else -1]
            if len(inside) >= _SHORTEST:
                yield inside


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):  # the arguments do not fit; better a strange line than none
        return f"{record.msg} {record.args}"


def _source(name: str) -> str:
    """`bot.delivery.worker` as `delivery`, `channels.telegram.polling` as `telegram`."""
    parts = name.split(".")
    return parts[1] if parts[0] in {"bot", "channels"} and len(parts) > 1 else parts[0]


def _field(text: str) -> str:
    return repr(text) if not text or any(sign in text for sign in ' "=') else text
