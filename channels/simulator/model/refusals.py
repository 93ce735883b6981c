"""How the model's provider says no, in the words of Moonshot.

https://platform.kimi.ai/docs/api/errors
"""

from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Refusal:
    """`type` is Moonshot's `error.type`; `retry_after_seconds` becomes a header, None: no header."""

    status: int
    type: str
    message: str
    retry_after_seconds: int | None = None

    def body(self) -> dict[str, Any]:
        return {"error": {"type": self.type, "message": self.message}}


BAD_KEY: Final = Refusal(401, "invalid_authentication_error", "Invalid Authentication")
REFUSALS: Final = {
    "engine_overloaded": Refusal(
        429, "engine_overloaded_error", "The engine is currently overloaded, please try again later"
    ),
    "rate_limit": Refusal(
        429, "rate_limit_reached_error", "Your account reached max request, please try again after 1 seconds", 1
    ),
    "quota": Refusal(
        429, "exceeded_current_quota_error", "You exceeded your current token quota, please check your account balance"
    ),
    "server_error": Refusal(500, "server_error", "Internal server error"),
    "bad_key": BAD_KEY,
    "content_filter": Refusal(400, "content_filter", "The request was rejected because it was considered high risk"),
}


def invalid_request(message: str) -> Refusal:
    return Refusal(400, "invalid_request_error", message)
