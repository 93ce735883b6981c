"""An answer shown while it is written: messages that are edited until the answer itself takes their place.

All of it may be lost but the names of these messages: they are on disk as soon as the platform has told them, so that
the answer, which is a row of the outbox like every other, finds them after a crash too.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final

from bot.delivery.item import Source, item_id
from bot.inbox import InboxStore
from bot.pipeline.errand import Errand, answer_to
from bot.storage.errors import StorageError
from bot.storage.port import Storage
from channels.clock import Clock
from channels.errors import ChannelError, OutcomeUnknown, RateLimited
from channels.message import Delivery, JsonObject, OutboundMessage
from channels.port import ShowsDrafts

log = logging.getLogger(__name__)

FIRST_SECONDS: Final = 0.8  # what is whole by then needs no draft
EDIT_SECONDS: Final = 1.0  # the governor may want more

Keep = Callable[[Sequence[str]], Awaitable[None]]
"""Puts the names of the messages that show the draft on disk. Raises StorageError."""

Clearance = Callable[[], Awaitable[object]]
"""Returns once it is certain that no other machine has taken over, whose answer an edit would overwrite."""


class Draft:
    """One answer of which pieces are heard. `text` is what was heard so far; `begin` and `hear` never wait."""

    def __init__(self, errand: Errand, channel: ShowsDrafts, clock: Clock, keep: Keep, clearance: Clearance) -> None:
        self._errand = errand
        self._channel = channel
        self._clock = clock
        self._keep = keep
        self._clearance = clearance
        self._pieces: list[str] = []
        self._void = False
        self._news = asyncio.Event()
        self._calling = asyncio.Lock()
        self._shown: list[JsonObject | None] = [None for _ in errand.drafts]

    @property
    def text(self) -> str:
        return "".join(self._pieces)

    def begin(self) -> None:
        """What was heard is not part of the answer; it stays to be seen until something else is heard."""
        self._void = True

    def hear(self, piece: str) -> None:
        """The next words of the answer."""
        if self._void:
            self._void = False
            self._pieces.clear()
        self._pieces.append(piece)
        self._news.set()

    @asynccontextmanager
    async def showing(self) -> AsyncIterator[None]:
        """Show what is heard while the body runs. On leaving, nothing is on its way to the platform any more."""
        task = asyncio.create_task(self._show(), name="draft")
        try:
            yield
        finally:
            try:
                async with self._calling:
                    pass  # an edit that overtook the answer would leave stale words in its place
            finally:
                task.cancel()

    async def _show(self) -> None:
        """Show the newest text at a humane rate, until cancelled or given up."""
        try:
            await self._news.wait()
            await self._clock.sleep(FIRST_SECONDS)
            while True:
                await self._news.wait()
                self._news.clear()
                while (pause := await self._show_next()) is not None:
                    await self._clock.sleep(pause)
        except (ChannelError, StorageError) as error:
            log.info("A draft is not shown any further", extra={"reason": str(error)})
        except Exception:
            log.exception("A channel failed with a draft in a way of its own")

    async def _show_next(self) -> float | None:
        """Show the first part that reads differently from what is seen; the seconds until the next one may follow.

        None: all is shown.
        """
        text = self.text
        parts = self._parts(text)
        number = next((n for n, part in enumerate(parts) if self._shown[n : n + 1] != [part]), None)
        if number is None:
            return None
        await self._clearance()
        try:
            async with self._calling:
                await self._show_part(number, parts[number], text)
        except RateLimited as wish:
            return max(EDIT_SECONDS, wish.retry_after_seconds)
        except OutcomeUnknown:
            if number == len(self._errand.drafts):
                raise  # there may be a message whose name nobody knows
        return EDIT_SECONDS

    async def _show_part(self, number: int, part: JsonObject, text: str) -> None:
        update, drafts = self._errand.update, self._errand.drafts
        name = f"d{item_id(Source('inbox', update.source_id), number)}"
        receipt = await self._channel.show_draft(Delivery(name, self._errand.message.origin, part))
        named = [] if receipt.message_id is None else [receipt.message_id]
        if number == len(drafts) and not named:
            raise OutcomeUnknown("a message without a name cannot be edited")
        known = drafts[number : number + 1] == named
        drafts[number : number + 1] = named
        if named and not known:
            part = self._parts(text)[number]  # as it reads now that it bears the name
        self._shown[number : number + 1] = [part for _ in named]
        if not known:
            await self._keep(drafts)

    def _parts(self, text: str) -> Sequence[JsonObject]:
        """What is to be seen of `text`; for each message that it needs no more, a part that takes it away."""
        return self._errand.channel.render(unfinished(self._errand, text, tuple(self._errand.drafts)))


class Drafts:
    """Where answers are shown while they are written."""

    def __init__(self, storage: Storage, inbox: InboxStore, clock: Clock, clearance: Clearance) -> None:
        self._clearance = clearance
        self._storage = storage
        self._inbox = inbox
        self._clock = clock

    def of(self, errand: Errand) -> Draft | None:
        """The draft of the answer to `errand`; None where its channel shows none."""
        channel = errand.channel
        if not (isinstance(channel, ShowsDrafts) and channel.streams):
            return None

        async def keep(drafts: Sequence[str]) -> None:
            await self._storage.commit([self._inbox.show(errand.update, drafts)])

        return Draft(errand, channel, self._clock, keep, self._clearance)


def unfinished(errand: Errand, text: str, drafts: tuple[str, ...]) -> OutboundMessage:
    """The beginning of the answer to `errand`, in the place of `drafts`."""
    answer = answer_to(errand.message, text)
    return replace(answer, format="markdown", unfinished=bool(text.strip()), drafts=drafts)
