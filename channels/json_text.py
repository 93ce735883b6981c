"""JSON for what every message passes: pydantic's reader and writer take a third of the time of the library's own."""

import json
from typing import Any

from pydantic_core import PydanticSerializationError, from_json, to_json

from channels.utf16 import without_lone_surrogates


def compact_json(value: object) -> str:
    """`value` as JSON without white space, with U+FFFD for what is no character. TypeError for what JSON cannot say."""
    try:
        return to_json(value).decode()
    except PydanticSerializationError:  # half of a surrogate pair, or no JSON
        return without_lone_surrogates(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def read_json(text: str | bytes) -> Any:
    """What `text` says. ValueError for what is no JSON, RecursionError for what is nested beyond reason."""
    try:
        return from_json(text)
    except ValueError:  # perhaps for half of a surrogate pair alone
        return json.loads(text)
