"""The outbox: `deliveries.*`."""

from typing import Any

from pydantic import Field

from bot.delivery.item import OutboxItem, State, item_json
from bot.methods.desk import Caller, Desk
from bot.methods.failure import CONFLICT, NOT_FOUND, MethodFailed
from bot.methods.page import Newest
from bot.storage.errors import GuardFailed
from channels.config import Strict

DeliveryView = dict[str, Any]


class One(Strict):
    """A delivery's id; the beginning is enough where it names only one."""

    id: str = Field(min_length=1)


class Some(Newest):
    """Of one state, or of all (null)."""

    state: State | None = None


async def newest(desk: Desk, _caller: Caller, params: Some) -> dict[str, list[DeliveryView]]:
    """The newest messages of the outbox."""
    return {"deliveries": [item_json(item) for item in await desk.outbox.newest(params.state, params.limit)]}


async def get(desk: Desk, _caller: Caller, params: One) -> DeliveryView:
    """One message with all that is known of it."""
    return item_json(await _find(desk, params.id))


async def retry(desk: Desk, _caller: Caller, params: One) -> DeliveryView:
    """Send a failed or unknown message again, with its attempts given back."""
    item = await _find(desk, params.id)
    try:
        await desk.storage.commit([desk.outbox.retry(item)])
    except GuardFailed:
        words = f"{item.id} is {item.state}: only failed and unknown ones can be sent again"
        raise MethodFailed(CONFLICT, words) from None
    return item_json(await _find(desk, item.id))


async def drop(desk: Desk, _caller: Caller, params: One) -> DeliveryView:
    """Never send a message that waits or is unknown."""
    item = await _find(desk, params.id)
    try:
        await desk.storage.commit([desk.outbox.drop(item)])
    except GuardFailed:
        words = f"{item.id} is {item.state}: only queued and unknown ones can be dropped"
        raise MethodFailed(CONFLICT, words) from None
    return item_json(await _find(desk, item.id))


async def _find(desk: Desk, prefix: str) -> OutboxItem:
    item = await desk.outbox.find(prefix)
    if item is None:
        words = f"no single message has an id that begins with {prefix!r}: see deliveries list"
        raise MethodFailed(NOT_FOUND, words)
    return item
