"""The sign that an answer is being made, for turns that take their time."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from bot.pipeline.errand import Errand
from channels.clock import Clock

TYPING_SECONDS: Final = 4.5  # Telegram shows "typing" for five (https://core.telegram.org/bots/api#sendchataction)
THINKING_SECONDS: Final = 0.3  # what is answered by then needs no sign that an answer is being made


class TypingSign:
    """Shows typing where the channel can. One task watches all turns that have just begun, so that the many that are
    answered at once cost none of their own."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._begun: dict[object, tuple[float, Errand]] = {}
        self._shown: dict[object, asyncio.Task[None]] = {}
        self._watch: asyncio.Task[None] | None = None

    @contextmanager
    def during(self, errand: Errand) -> Iterator[None]:
        """Show typing while the body runs, once it has run for THINKING_SECONDS."""
        if not errand.channel.capabilities.typing:
            yield
            return
        turn = object()
        self._begun[turn] = self._clock.monotonic() + THINKING_SECONDS, errand
        if self._watch is None:
            self._watch = asyncio.create_task(self._look(), name="typing")
        try:
            yield
        finally:
            self._begun.pop(turn, None)
            shown = self._shown.pop(turn, None)
            if shown is not None:
                shown.cancel()

    async def _look(self) -> None:
        """Until no turn has just begun. Turns stand in the order of their beginnings."""
        while self._begun:
            turn, (due, errand) = next(iter(self._begun.items()))
            if due > self._clock.monotonic():
                await self._clock.sleep(due - self._clock.monotonic())
            else:
                del self._begun[turn]
                self._shown[turn] = asyncio.create_task(self._show(errand), name="typing")
        self._watch = None

    async def _show(self, errand: Errand) -> None:
        """Until the answer itself is seen to grow: the sign would outlast its last edit."""
        while not errand.drafts:
            await errand.channel.show_typing(errand.message.origin)
            await self._clock.sleep(TYPING_SECONDS)
