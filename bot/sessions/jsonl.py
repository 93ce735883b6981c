"""Transcripts as JSONL: one record a line, `role`, `content`, `timestamp`, `metadata`, as claw0 writes them too."""

import hashlib
import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NoReturn, get_args

from bot.errors import JavisError
from bot.sessions.transcript import Record, Role

LINE_BYTES: Final = 16 * 1024 * 1024
MOST_FAULTS: Final = 20
_NAME_BYTES: Final = 180  # file systems take 255; an archive's name has the session's number behind it
_ROLES: Final = get_args(Role)
_UNSAFE: Final = re.compile(r"[^\w.@%+=-]")


class BadLine(ValueError):
    """What is wrong with a line; `args[0]` repeats nothing of it."""


class FilesRefused(JavisError):
    """Files from elsewhere are not what they should be; a line for each fault names file and line."""

    def __init__(self, faults: list[str]) -> None:
        told = faults[:MOST_FAULTS]
        if len(faults) > MOST_FAULTS:
            told.append(f"and {len(faults) - MOST_FAULTS} more")
        super().__init__("nothing was taken over:\n" + "\n".join(told))


@dataclass(frozen=True, slots=True)
class Line:
    """A record, and the number that it had in the database; None where it never was in ours."""

    record: Record
    id: int | None = None


def transcript_name(key: str) -> str:
    """The file name of a session: its key with `:` as `_`, what no file name may hold as `%XX`, not too long."""
    name = _UNSAFE.sub(lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), key.replace(":", "_"))
    raw = name.encode()
    if not name or name.startswith(".") or len(raw) > _NAME_BYTES:
        digest = hashlib.sha256(key.encode()).hexdigest()[:16]
        name = f"_{raw[:_NAME_BYTES].decode(errors='ignore')}-{digest}"
    return f"{name}.jsonl"


def write_record(record: Record, number: int | None = None) -> str:
    """One line with its end."""
    line: dict[str, Any] = {
        "role": record.role,
        "content": record.content,
        "timestamp": record.timestamp.isoformat(),
        "metadata": dict(record.metadata),
    }
    if number is not None:
        line["id"] = number
    return json.dumps(line, ensure_ascii=False) + "\n"


def read_record(raw: bytes | BadLine) -> Line:
    """The record in a line as `read_lines` gives it. Raises BadLine."""
    fields = read_object(raw)
    role: Any = fields.get("role")
    content, metadata = fields.get("content"), fields.get("metadata")
    if role not in _ROLES:
        raise BadLine(f"role must be one of {', '.join(_ROLES)}")
    if not isinstance(content, str):
        raise BadLine("content must be text")
    if metadata is None:
        metadata = {}
    if not isinstance(metadata, dict):
        raise BadLine("metadata must be an object")
    number = fields.get("id")
    if number is not None and (not isinstance(number, int) or isinstance(number, bool) or not 0 < number < 2**63):
        raise BadLine("id must be a whole number")
    return Line(Record(role, content, read_time(fields.get("timestamp")), metadata), number)


def read_object(raw: bytes | BadLine) -> Mapping[str, Any]:
    """The JSON object that a line holds. Raises BadLine."""
    if isinstance(raw, BadLine):
        raise raw
    try:
        fields = json.loads(raw, parse_constant=_refuse)
        json.dumps(fields, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise BadLine("half of a surrogate pair") from None
    except RecursionError:
        raise BadLine("nested too deeply") from None
    except BadLine:
        raise
    except ValueError:
        raise BadLine("not JSON") from None
    if not isinstance(fields, dict):
        raise BadLine("not a JSON object")
    return fields


def read_time(value: Any) -> datetime:
    """ISO 8601 (without a zone: UTC) or unix seconds, to the millisecond. Raises BadLine."""
    try:
        if isinstance(value, str):
            found = datetime.fromisoformat(value)
            found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        elif isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            found = datetime.fromtimestamp(value, UTC)
        else:
            raise BadLine("timestamp must be ISO 8601 or unix seconds")
    except (OverflowError, OSError, ValueError):
        raise BadLine("timestamp must be ISO 8601 or unix seconds") from None
    return found.replace(microsecond=found.microsecond // 1000 * 1000)


def read_lines(path: Path) -> Iterator[tuple[int, bytes | BadLine]]:
    """(number, line) of each line that is not blank; one that is too long is passed over and told. Raises OSError.

    A symbolic link is not followed: files from elsewhere must not point at ours.
    """
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
        number = 0
        while line := file.readline(LINE_BYTES + 1):
            number += 1
            if len(line) > LINE_BYTES and not line.endswith(b"\n"):
                while (rest := file.readline(LINE_BYTES)) and not rest.endswith(b"\n"):
                    pass
                yield number, BadLine(f"longer than {LINE_BYTES // 1024 // 1024} MiB")
            elif line.strip():
                yield number, line


def _refuse(constant: str) -> NoReturn:
    raise BadLine(f"{constant} is not JSON")
