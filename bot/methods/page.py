"""What the parameters of several methods share."""

from pydantic import Field

from channels.config import Strict


class Nothing(Strict):
    """No parameters."""


class Newest(Strict):
    """How many of the newest."""

    limit: int = Field(default=20, ge=1, le=500)
