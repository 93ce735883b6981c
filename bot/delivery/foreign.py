"""The queue folders of other programs: a JSON file a message, `{id}.json` while it waits and `failed/{id}.json` after.

claw0 writes `id, channel, to, text, retry_count, last_error, enqueued_at, next_retry_at` (times in seconds); OpenClaw
`id, channel, to, accountId, threadId, replyToId, payloads, retryCount, lastError, enqueuedAt, lastAttemptAt,
recoveryState` (times in milliseconds). Nothing is written there: the files stay as they are.
"""

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from bot.delivery.item import LIFETIME, OutboxItem, Source, item_id
from bot.delivery.policy import MOST_ATTEMPTS, backoff
from bot.errors import JavisError
from channels.clock import from_unix_ms
from channels.message import Destination, JsonObject, OutboundMessage

MOST_BYTES: Final = 1_048_576
KIND: Final = "notice"  # nobody knows what it was; a notice is kept for seven days
_TARGET: Final = re.compile(
    r"(?:(?:chat|group|channel|user|dm|direct):)?(?P<chat>[^:]+)(?::(?:topic:)?(?P<thread>\d+))?"
)
_LATEST_MS: Final = 253_402_300_799_000  # the end of the year 9999

Renderer = Callable[[OutboundMessage], Sequence[JsonObject]]


class BadFile(JavisError):
    """A file that cannot be taken over; `args[0]` says why."""


@dataclass(frozen=True, slots=True)
class ForeignDelivery:
    """One file's message. `account` None where the program knows only one; `due` None: at once.

    `may_have_arrived`: the program had begun to send it and never heard the end. `files_left`: how many pictures or
    files belong to it, which stay behind.
    """

    program: str
    id: str
    channel: str
    account: str | None
    chat: str
    thread: str | None
    texts: Sequence[str]
    format: Literal["markdown", "plain"]
    reply_to: str | None
    attempts: int
    error: str | None
    created: datetime
    due: datetime | None
    may_have_arrived: bool
    files_left: int


def queue_files(folder: Path) -> list[tuple[Path, bool]]:
    """The files of a queue folder and whether each had failed there, the waiting ones first, in no order of time."""
    return [
        (path, failed)
        for place, failed in ((folder, False), (folder / "failed", True))
        if place.is_dir()
        for path in sorted(place.glob("*.json"))
        if not path.name.startswith(".")
    ]


def read_queue_file(path: Path) -> ForeignDelivery:
    """Raises BadFile."""
    try:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES + 1)
            written = os.fstat(file.fileno()).st_mtime
    except OSError as error:
        raise BadFile(f"cannot be read: {error.strerror}") from None
    if len(text) > MOST_BYTES:
        raise BadFile("is larger than 1 MiB")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise BadFile("is not JSON") from None
    if not isinstance(document, dict):
        raise BadFile("is no JSON object")
    try:
        if "payloads" in document:
            return _read_openclaw({"enqueuedAt": written * 1000, **document})
        return _read_claw0({"enqueued_at": written, **document})
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        raise BadFile("; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults)) from None


def taken_over(
    found: ForeignDelivery, account: str, language: str, render: Renderer, now: datetime, *, failed: bool
) -> Iterator[tuple[OutboxItem, datetime | None]]:
    """The rows of one file, each with when it ended there (None: it waits). The same file gives the same ids."""
    source = Source("import", f"{found.program}:{found.id}")
    destination = Destination(found.channel, account, found.chat, found.thread)
    payloads = [
        payload
        for text in found.texts
        for payload in render(OutboundMessage(destination, text, format=found.format, reply_to=found.reply_to))
    ]
    if not payloads:
        raise BadFile("holds no text")
    expires = found.created + LIFETIME[KIND]
    ended = now if failed or expires <= now else None
    reason = f"imported: {found.error or 'it had failed there'}" if failed else "expired"
    for part, payload in enumerate(payloads):
        yield (
            OutboxItem(
                id=item_id(source, part),
                destination=destination,
                kind=KIND,
                source=source,
                part=part,
                language=language,
                payload=payload,
                created=found.created,
                expires=expires,
                due=max(now, found.due or now),
                state="queued" if ended is None else "failed",
                # One attempt at least is ours.
                attempts=min(found.attempts, MOST_ATTEMPTS if ended else MOST_ATTEMPTS - 1),
                duplicate=found.may_have_arrived,
                reason=None if ended is None else reason,
            ),
            ended,
        )


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty")
    return text


_Words = Annotated[str, AfterValidator(_not_blank)]
_Milliseconds = Annotated[float, Field(ge=0, le=_LATEST_MS, allow_inf_nan=False)]
_Seconds = Annotated[float, Field(ge=0, le=_LATEST_MS // 1000, allow_inf_nan=False)]


class _Foreign(BaseModel):
    """Other programs may add what they like."""

    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)


class _Claw0(_Foreign):
    id: _Words
    channel: _Words
    to: _Words
    text: _Words
    retry_count: int = Field(default=0, ge=0)
    last_error: str | None = None
    enqueued_at: _Seconds
    next_retry_at: _Seconds = 0


class _OpenClaw(_Foreign):
    id: _Words
    channel: _Words
    to: _Words
    accountId: str | None = None  # noqa: N815 - their name
    threadId: str | None = None  # noqa: N815
    replyToId: str | None = None  # noqa: N815
    payloads: list[dict[str, Any]]
    retryCount: int = Field(default=0, ge=0)  # noqa: N815
    lastError: str | None = None  # noqa: N815
    enqueuedAt: _Milliseconds  # noqa: N815
    lastAttemptAt: _Milliseconds | None = None  # noqa: N815
    recoveryState: str | None = None  # noqa: N815


def _read_claw0(document: Mapping[str, Any]) -> ForeignDelivery:
    entry = _Claw0.model_validate(document)
    chat, thread = _target(entry.channel, entry.to)
    return ForeignDelivery(
        program="claw0",
        id=entry.id,
        channel=entry.channel,
        account=None,
        chat=chat,
        thread=thread,
        texts=(entry.text,),
        format="plain",
        reply_to=None,
        attempts=entry.retry_count,
        error=entry.last_error,
        created=from_unix_ms(round(entry.enqueued_at * 1000)),
        due=from_unix_ms(round(entry.next_retry_at * 1000)),
        may_have_arrived=False,
        files_left=0,
    )


def _read_openclaw(document: Mapping[str, Any]) -> ForeignDelivery:
    entry = _OpenClaw.model_validate(document)
    chat, thread = _target(entry.channel, entry.to)
    tried = entry.lastAttemptAt
    wait = backoff(entry.retryCount, 0) if entry.retryCount else timedelta()
    return ForeignDelivery(
        program="openclaw",
        id=entry.id,
        channel=entry.channel,
        account=entry.accountId,
        chat=chat,
        thread=entry.threadId or thread,
        texts=tuple(each["text"] for each in entry.payloads if isinstance(each.get("text"), str) and each["text"]),
        format="markdown",
        reply_to=entry.replyToId,
        attempts=entry.retryCount,
        error=entry.lastError,
        created=from_unix_ms(round(entry.enqueuedAt)),
        due=None if tried is None else from_unix_ms(round(tried)) + wait,
        may_have_arrived=entry.recoveryState is not None,
        files_left=sum(_files_of(each) for each in entry.payloads),
    )


def _files_of(payload: Mapping[str, Any]) -> int:
    several = payload.get("mediaUrls")
    return len(several) if isinstance(several, list) and several else int(bool(payload.get("mediaUrl")))


def _target(channel: str, to: str) -> tuple[str, str | None]:
    """(chat, thread) of `telegram:-100:topic:7`, `channel:123`, `-100:7` or `42`."""
    fitting = _TARGET.fullmatch(to.strip().removeprefix(f"{channel}:"))
    return (to, None) if fitting is None else (fitting["chat"], fitting["thread"])
