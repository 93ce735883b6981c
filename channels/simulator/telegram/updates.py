"""Updates waiting for the bot, and the long poll that hands them out.

https://core.telegram.org/bots/api#getupdates
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from channels.clock import Clock, deadline
from channels.simulator.telegram.state import DEFAULT_UPDATES, TelegramState
from channels.simulator.telegram.wire import ApiError, Params, Wire
from channels.simulator.world import World

KEPT_SECONDS: Final = 24 * 3600
BATCH_LIMIT: Final = 100
TIMEOUT_SECONDS: Final = 50
_WEBHOOK: Final = (
    "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
)
_CONFLICT: Final = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"


class Updates:
    """One bot's queue."""

    def __init__(self, clock: Clock, world: World[TelegramState]) -> None:
        self._clock = clock
        self._world = world
        self._state = world.state
        self._polled_epoch = 0
        self._news = asyncio.Event()
        self.webhook_url = ""  # while it is set nobody polls
        self._poll: asyncio.Future[None] | None = None

    @property
    def pending(self) -> Sequence[Wire]:
        """What is not confirmed yet, oldest first."""
        return [update.wire for update in self._state.pending]

    @property
    def is_polled(self) -> bool:
        """True while a long poll waits."""
        return self._poll is not None and not self._poll.done()

    def push(self, kind: str, content: Wire) -> int | None:
        """Queue an update; its id, or None when the bot did not ask for this kind."""
        if kind not in self._state.allowed_updates:
            return None
        update_id = self._state.next_update_id
        self.push_raw({"update_id": update_id, kind: content})
        return update_id

    def push_raw(self, update: Wire) -> None:
        """Queue `update` as it is, whatever it holds beside its id."""
        self._world.record({"t": "update", "update": update, "at": self._clock.now().timestamp()})
        self._wake()
        self._news.set()

    def forget_all(self) -> None:
        self._forget(len(self._state.pending))

    async def first(self) -> Wire:
        """The oldest update that is not confirmed; waits for one."""
        while not self._state.pending:
            self._news.clear()
            await self._news.wait()
        return self._state.pending[0].wire

    def confirm_first(self, update: Wire) -> None:
        """The bot has taken `update`, unless all were forgotten meanwhile."""
        if self._state.pending and self._state.pending[0].wire is update:
            self._forget(1)

    def close(self) -> None:
        """End the poll that waits, if any."""
        self._wake()

    async def get(self, params: Params) -> list[Wire]:
        """Answer getUpdates. A second poll ends the first one with 409, as the real server does."""
        if self.webhook_url:
            raise ApiError(409, _WEBHOOK)
        self.allow(params)
        offset = params.integer("offset")
        limit = min(max(params.integer("limit", BATCH_LIMIT), 1), BATCH_LIMIT)
        timeout = min(max(params.integer("timeout"), 0), TIMEOUT_SECONDS)
        self._forget_old()
        self._confirm(offset)
        if self._poll is not None and not self._poll.done():
            self._poll.set_exception(ApiError(409, _CONFLICT))
        batch = self._batch(offset, limit)
        if batch or not timeout:
            return batch
        await self._wait(timeout)
        return self._batch(offset, limit)

    def _wake(self) -> None:
        if self._poll is not None and not self._poll.done():
            self._poll.set_result(None)

    async def _wait(self, seconds: int) -> None:
        poll: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._poll = poll
        self._world.tell("presence", {"polled": True})
        try:
            async with deadline(self._clock, seconds):
                await poll
        except TimeoutError:
            return
        finally:
            if self._poll is poll:
                self._poll = None
                self._world.tell("presence", {"polled": False})

    def allow(self, params: Params) -> None:
        """Remember which kinds the bot asks for, if it says so."""
        if not params.has("allowed_updates"):
            return
        types = params.json("allowed_updates", list, "allowed updates")
        allowed = frozenset(types) or DEFAULT_UPDATES
        if allowed != self._state.allowed_updates:
            self._world.record({"t": "allowed", "types": sorted(allowed)})

    def _confirm(self, offset: int) -> None:
        """Forget what lies below `offset`; a negative one keeps that many from the end."""
        pending = self._state.pending
        if offset < 0:
            self._forget(max(0, len(pending) + offset))
            return
        count = 0
        for update in pending:
            if update.epoch > self._polled_epoch or update.id >= offset:
                break
            count += 1
        self._forget(count)

    def _batch(self, offset: int, limit: int) -> list[Wire]:
        batch: list[Wire] = []
        epoch = self._state.pending[0].epoch if self._state.pending else 0
        for update in self._state.pending:
            if update.epoch != epoch or len(batch) == limit:
                break
            if update.epoch > self._polled_epoch or update.id >= offset:
                batch.append(update.wire)
        if batch:
            self._polled_epoch = epoch
        return batch

    def _forget_old(self) -> None:
        oldest = self._clock.now().timestamp() - KEPT_SECONDS
        count = 0
        for update in self._state.pending:
            if update.queued_at >= oldest:
                break
            count += 1
        self._forget(count)

    def _forget(self, count: int) -> None:
        if count:
            self._world.record({"t": "confirmed", "count": count})
            self._world.tell("confirmed", {"pending": len(self._state.pending)})
