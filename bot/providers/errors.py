"""Failures of a call to a model, named by what to do next.

ProviderError
├── RateLimited          too many calls: wait, or ask with another key or model now
├── QuotaExhausted       the account is spent: another key or model, and its owner must pay
├── ProviderTimeout      no answer in time: another model, or later
├── ProviderUnavailable  broken (5xx): another model, or later
│   ├── Overloaded       …for a moment, as it says itself
│   └── Unreachable      …no connection, or one that broke
├── AuthRefused          the key is refused (401, 403): another key, and its owner must look
│   └── ModelMissing     …for this model, which is not there (404)
├── BadAnswer            it answered, but not with a completion: another model, or later
└── MalformedRequest     it will never take this request: do not repeat it anywhere
    └── ContentRefused   …because its filter refuses what the request or the answer says
"""

from bot.providers.port import NOTHING_USED, Usage


class ProviderError(Exception):
    """Root of all that a provider raises. `args[0]` is one line for the log; it holds no secret.

    `retry_after_seconds` is how long the provider asks to be left alone; None where it asked nothing. `usage` is
    what the failure cost all the same.
    """

    def __init__(self, text: str, retry_after_seconds: float | None = None, usage: Usage = NOTHING_USED) -> None:
        super().__init__(text)
        self.retry_after_seconds = retry_after_seconds
        self.usage = usage


class RateLimited(ProviderError):
    """More calls or tokens than the account may use just now."""


class QuotaExhausted(ProviderError):
    """Money or quota is used up; waiting does not help."""


class ProviderTimeout(ProviderError):
    """The answer did not come in time."""


class ProviderUnavailable(ProviderError):
    """The provider cannot be reached, is overloaded, or failed."""


class Overloaded(ProviderUnavailable):
    """The provider has too much to do for the moment, whoever asks."""


class Unreachable(ProviderUnavailable):
    """There is no connection, or it broke before the answer was whole."""


class AuthRefused(ProviderError):
    """The provider refuses the key, or refuses this client with it."""


class ModelMissing(AuthRefused):
    """The provider has no such model, or none for this key."""


class BadAnswer(ProviderError):
    """The answer is no completion: not JSON, wrong types, too large, without words."""


class MalformedRequest(ProviderError):
    """The provider says that the request is wrong, so every repetition is."""


class ContentRefused(MalformedRequest):
    """The provider's content filter stepped in."""
