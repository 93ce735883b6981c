"""Signed HTTP messages, after the Standard Webhooks specification.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md. The signature itself is the
library's; whoever verifies here is given the time, and never trusts the form of a header.
"""

import base64
import binascii
import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from standardwebhooks import Webhook

SKEW: Final = timedelta(minutes=5)
"""How far a sender's clock may be from ours, either way."""
FEWEST_KEY_BYTES: Final = 32
PREFIX: Final = "whsec_"

_MOST_SIGNATURES: Final = 8
# A full stop parts the signed fields, so it has no place in an id.
_ID: Final = re.compile(r"[!-\-/-~]{1,256}")
_TIMESTAMP: Final = re.compile(r"[0-9]{1,11}")


@dataclass(frozen=True, slots=True)
class Signed:
    """What a message's headers claim; nothing of it is proven. `signatures` are those of version 1."""

    id: str
    sent: datetime
    signatures: tuple[bytes, ...]


def read_signed(headers: Mapping[str, str]) -> Signed | None:
    """The claim in `headers` (names in lower case). None where one is missing or has no proper form."""
    message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not _ID.fullmatch(message_id) or not _TIMESTAMP.fullmatch(timestamp):
        return None
    entries = headers.get("webhook-signature", "").split(" ")
    if len(entries) > _MOST_SIGNATURES:
        return None
    signatures = tuple(decoded for entry in entries if (decoded := _version_1(entry)) is not None)
    return Signed(message_id, datetime.fromtimestamp(int(timestamp), UTC), signatures) if signatures else None


def is_signed_by(keys: Sequence[str], signed: Signed, body: bytes) -> bool:
    """Whether one of `keys` made one of the signatures. Takes as long for the first key as for the last."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return False
    found = False
    for key in keys:
        expected = _version_1(Webhook(key).sign(signed.id, signed.sent, text)) or b""
        for signature in signed.signatures:
            found |= hmac.compare_digest(expected, signature)
    return found


def is_timely(signed: Signed, now: datetime) -> bool:
    """Whether the message was sent now, as far as two clocks can agree."""
    return abs(now - signed.sent) <= SKEW


def sign(keys: Sequence[str], message_id: str, moment: datetime, body: str) -> dict[str, str]:
    """The headers of a message; with several keys it verifies with each of them."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": " ".join(Webhook(key).sign(message_id, moment, body) for key in keys),
    }


def new_key() -> str:
    """A fresh key of 32 random bytes."""
    return PREFIX + base64.b64encode(secrets.token_bytes(FEWEST_KEY_BYTES)).decode()


def key_problem(key: str) -> str | None:
    """What is wrong with a key; None: it is good."""
    try:
        size = len(base64.b64decode(key.removeprefix(PREFIX), validate=True))
    except (binascii.Error, ValueError):
        size = 0
    if size >= FEWEST_KEY_BYTES:
        return None
    remedy = "make them with openssl rand -base64 32"
    return f"must be {PREFIX} and at least {FEWEST_KEY_BYTES} random bytes in base64: {remedy}"


def _version_1(entry: str) -> bytes | None:
    version, comma, encoded = entry.partition(",")
    if version != "v1" or not comma or not encoded.isascii():
        return None
    try:
        return base64.b64decode(encoded, validate=True) or None
    except binascii.Error:
        return None
