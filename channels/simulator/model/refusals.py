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
    "unavailable": Refusal(503, "service_unavailable", "The service is temporarily unavailable"),
    "bad_key": BAD_KEY,
    "forbidden": Refusal(403, "permission_denied_error", "Your account has no permission for this model"),
    "client_refused": Refusal(403, "access_terminated_error", "This client may not use the coding endpoint"),
    "membership": Refusal(402, "membership_required", "An active membership is needed"),
    "no_model": Refusal(404, "resource_not_found_error", "Not found the model or permission denied"),
    "bad_request": Refusal(400, "invalid_request_error", "Invalid request: the context is too long"),
    "content_filter": Refusal(400, "content_filter", "The request was rejected because it was considered high risk"),
}


def invalid_request(message: str) -> Refusal:
    return Refusal(400, "invalid_request_error", message)
