"""What an HTTP answer other than a completion means: pure, from status, headers and body to an error."""

import math
import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final

from pydantic import BaseModel, ValidationError

from bot.providers.errors import (
    AuthRefused,
    BadAnswer,
    ContentRefused,
    MalformedRequest,
    ModelMissing,
    Overloaded,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    QuotaExhausted,
    RateLimited,
)

_TEXT_CHARACTERS: Final = 200
_BY_STATUS: Final[Mapping[int, type[ProviderError]]] = {
    401: AuthRefused,
    402: QuotaExhausted,
    403: AuthRefused,
    404: ModelMissing,
    408: ProviderTimeout,
    429: RateLimited,
    503: Overloaded,
    529: Overloaded,  # Anthropic's, which gateways pass on
}
# Moonshot answers 429 for three different reasons (https://platform.kimi.ai/docs/api/errors); OpenAI for two
# (https://platform.openai.com/docs/guides/error-codes). Filters answer 400 everywhere, and so do Qwen and OpenAI where
# an account owes money; Zhipu tells all by number (https://docs.bigmodel.cn/cn/faq/api-code).
_BY_WORD: Final[Mapping[str, type[ProviderError]]] = {
    "engine_overloaded_error": Overloaded,
    "rate_limit_reached_error": RateLimited,
    "exceeded_current_quota_error": QuotaExhausted,
    "insufficient_quota": QuotaExhausted,
    "billing_not_active": QuotaExhausted,
    "billing_hard_limit_reached": QuotaExhausted,
    "Arrearage": QuotaExhausted,
    "1113": QuotaExhausted,
    "content_filter": ContentRefused,
    "data_inspection_failed": ContentRefused,
    "1301": ContentRefused,
}
_AGAIN: Final = re.compile(r"try again (?:in|after) (\d{1,6}(?:\.\d{1,3})?) ?s(?:ec|\b)", re.IGNORECASE)
_CREDENTIALS: Final = re.compile(
    r"(?<=://)[^\s/@]{1,300}(?=@)|\b(?:sk|gsk)[-_][\w*-]{6,}|\bBearer\s+[^\s\"']{1,500}", re.IGNORECASE
)


class _Fault(BaseModel):
    """The inside of `{"error": …}`, of which servers fill what they like."""

    message: object = None
    type: object = None
    code: object = None


class _Envelope(BaseModel):
    error: _Fault | str


def read_refusal(
    status: int, headers: Mapping[str, str], body: bytes, *, secret: str | None, now: datetime
) -> ProviderError:
    """The error that an answer with a status other than 2xx stands for.

    `body` may be cut or not JSON at all; `secret` is removed wherever the provider repeats it.
    """
    fault = _read_fault(body)
    words = [word for word in (fault.type, fault.code) if isinstance(word, str)]
    kind = next((_BY_WORD[word] for word in words if word in _BY_WORD), None) or _by_status(status)
    message = clean_text(fault.message, secret) if isinstance(fault.message, str) else ""
    text = f"HTTP {status}: {message}" if message else f"HTTP {status}"
    wait = read_retry_after(headers.get("retry-after"), now)
    if wait is None and kind is RateLimited:
        wait = _wait_in_words(message)
    return kind(text, wait)


def status_in_body(body: bytes) -> int | None:
    """The status that an error in a body names as its code; 502 for one without; None where there is no error."""
    try:
        error = _Envelope.model_validate_json(body).error
    except ValidationError:
        return None
    code = error.code if isinstance(error, _Fault) else None
    return code if isinstance(code, int) and 400 <= code < 600 else 502


def _by_status(status: int) -> type[ProviderError]:
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status >= 500:
        return ProviderUnavailable
    return MalformedRequest if status >= 400 else BadAnswer


def _read_fault(body: bytes) -> _Fault:
    try:
        error = _Envelope.model_validate_json(body).error
    except ValidationError:
        return _Fault()
    return _Fault(message=error) if isinstance(error, str) else error


def read_retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds from a Retry-After header, which holds seconds or a date (RFC 9110 §10.2.3); None if unreadable."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(value) - now).total_seconds()
        except (ValueError, TypeError, OverflowError):  # TypeError: a date without a zone; the last: an absurd zone
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _wait_in_words(message: str) -> float | None:
    """Seconds that a rate limit names in its text alone: "please try again after 1 seconds", "in 20s"."""
    found = _AGAIN.search(message)
    return None if found is None else float(found[1])


def clean_text(text: str, secret: str | None) -> str:
    """A stranger's words fit for one line of a log: short, without control characters, keys and passwords."""
    if secret:
        text = text.replace(secret, "***")  # first of all: a cut would leave a part that nothing finds
    text = text[: _TEXT_CHARACTERS * 10]
    text = _CREDENTIALS.sub("***", text)
    printable = "".join(" " if unicodedata.category(char)[0] in "CZ" else char for char in text)
    line = " ".join(printable.split())
    return line if len(line) <= _TEXT_CHARACTERS else line[: _TEXT_CHARACTERS - 1] + "…"
