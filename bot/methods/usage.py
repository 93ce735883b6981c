"""What models were used for and what it cost: `models.usage`."""

from datetime import datetime, time, timedelta
from typing import Final

from pydantic import Field
from typing_extensions import TypedDict

from bot.budgets.limits import MILLION
from bot.methods.desk import Caller, Desk
from channels.clock import unix_ms
from channels.config import Strict

MOST_SCOPES: Final = 500


class Period(Strict):
    """Today and the days before it, in the zone of the budgets."""

    days: int = Field(default=1, ge=1, le=90)


class ScopeView(TypedDict):
    """A day of a scope: the bot (`all`), an agent (`agent:<id>`), a chat (`peer:<channel>:<chat>`)."""

    day: str
    scope: str
    calls: int
    tokens: int
    cached: int
    money: float


class CallView(TypedDict):
    """The calls through one key to one model that ended alike. `seconds` is the mean of a call."""

    provider: str
    key: str
    model: str
    outcome: str
    calls: int
    prompt: int
    cached: int
    completion: int
    total: int
    money: float
    seconds: float


class Usage(TypedDict):
    """The dearest scopes of each day first, at most 500."""

    currency: str
    spending: list[ScopeView]
    calls: list[CallView]


async def usage(desk: Desk, _caller: Caller, params: Period) -> Usage:
    """Tokens and money by day, and calls by key, model and outcome."""
    budgets = desk.settings.budgets
    first = desk.clock.now().astimezone(budgets.zone).date() - timedelta(days=params.days - 1)
    since = datetime.combine(first, time(), budgets.zone)
    days = await desk.storage.read("budgets.days", {"since_day": first.isoformat(), "most": MOST_SCOPES})
    calls = await desk.storage.read("budgets.by_model", {"since_ms": unix_ms(since)})
    return {
        "currency": budgets.currency,
        "spending": [
            {
                "day": row["day"],
                "scope": row["scope"],
                "calls": row["calls"],
                "tokens": row["tokens"],
                "cached": row["cached"],
                "money": row["micros"] / MILLION,
            }
            for row in days
        ],
        "calls": [
            {
                "provider": row["provider"],
                "key": row["key_label"],
                "model": row["model"],
                "outcome": row["outcome"],
                "calls": row["calls"],
                "prompt": row["prompt"],
                "cached": row["cached"],
                "completion": row["completion"],
                "total": row["total"],
                "money": row["micros"] / MILLION,
                "seconds": round(row["took_ms"] / 1000 / row["calls"], 3),
            }
            for row in calls
        ],
    }
