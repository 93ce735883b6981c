"""The rate governor: how much one bot says, and how much it says in one chat. One per bot account.

The platform's limits are kept before it has to name them: so many messages a second for the bot, so many for a chat
(a short burst is fine), so many a minute for a group. When it names them all the same (429), only the chat it spoke
of stops. A chat that waits holds no place that another could use.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final

from channels.clock import Clock

BURST: Final = 3  # messages that a chat may take at once, in the time that as many take one by one
FEWEST_REMEMBERED: Final = 1024
SPARE: Final = 2 / 3  # of each limit is for what may be left out; the rest is kept for what must arrive
ASK_AGAIN_SECONDS: Final = 1.0
INSTANT: Final = 1e-6  # seconds; sums of floats miss their target by less


class _Window:
    """At most `places` in the time that so many take at `rate` a second."""

    __slots__ = ("_places", "_seconds", "_taken")

    def __init__(self, places: int, rate: float) -> None:
        self._places = places
        self._seconds = places / rate
        self._taken: deque[float] = deque(maxlen=places)

    def free_at(self) -> float:
        """When the next place is free, on the clock; long past when one is free now."""
        return self._taken[0] + self._seconds if len(self._taken) == self._places else 0.0

    def spare_at(self) -> float:
        """When a place is free beyond those that are kept for what must arrive."""
        spare = max(1, int(self._places * SPARE))
        return self._taken[-spare] + self._seconds if len(self._taken) >= spare else 0.0

    def paced_at(self) -> float:
        """The same, with what may be left out spread evenly, so that it never stands still for long."""
        spare = max(1, int(self._places * SPARE))
        return max(self.spare_at(), self._taken[-1] + self._seconds / spare) if self._taken else 0.0

    def idle_at(self) -> float:
        """When all places will be free."""
        return self._taken[-1] + self._seconds if self._taken else 0.0

    def take(self, now: float) -> None:
        self._taken.append(now)


def _whole_window(amount: float, seconds: float) -> _Window:
    """At most `amount` in any `seconds`; a fraction becomes one in as much more time."""
    return _Window(max(1, round(amount)), amount / seconds)


class _Budget:
    """What the bot or one chat may say. The lock lets callers go one by one, in the order in which they came."""

    __slots__ = ("callers", "held_until", "turn", "windows")

    def __init__(self, windows: Sequence[_Window] = ()) -> None:
        self.windows = windows
        self.turn = asyncio.Lock()
        self.callers = 0
        self.held_until = 0.0

    def free_at(self) -> float:
        """When the next message may go."""
        return max([self.held_until, *(window.free_at() for window in self.windows)])

    def idle_at(self) -> float:
        """When all that was said here will be forgotten."""
        return max([self.held_until, *(window.idle_at() for window in self.windows)])

    def take(self, now: float) -> None:
        for window in self.windows:
            window.take(now)


class Governor:
    """Each limit may be None: no limit. Chats are remembered for as long as their limits reach back, no longer."""

    def __init__(
        self,
        clock: Clock,
        bot_per_second: float | None,
        chat_per_second: float | None,
        group_per_minute: float | None,
    ) -> None:
        self._clock = clock
        self._chat_per_second = chat_per_second
        self._group_per_minute = group_per_minute
        self._unlimited = (bot_per_second, chat_per_second, group_per_minute) == (None, None, None)
        self._bot = _Budget([_whole_window(bot_per_second, 1)] if bot_per_second else ())
        self._chats: dict[str, _Budget] = {}
        self._sweep_at = FEWEST_REMEMBERED

    async def acquire(self, chat: str, *, is_group: bool) -> None:
        """Return when a message may go to `chat`; it is counted then."""
        if self._is_free(chat):
            return
        budget = self._budget(chat)
        budget.windows = budget.windows or self._windows(is_group=is_group)
        budget.callers += 1
        try:
            async with budget.turn:
                await self._take(budget)
        finally:
            budget.callers -= 1
            if self._unlimited and not budget.callers and budget.held_until <= self._clock.monotonic():
                self._chats.pop(chat, None)

    async def wait_free(self, chat: str) -> None:
        """Return when a message might go to `chat`; nothing is counted, so another may be faster."""
        while (seconds := self._free_at(chat) - self._clock.monotonic()) > INSTANT:
            await self._clock.sleep(seconds)

    def _free_at(self, chat: str) -> float:
        budget = self._chats.get(chat)
        return max(self._bot.free_at(), 0.0 if budget is None else budget.free_at())

    def try_acquire(self, chat: str) -> bool:
        """For what may be lost (typing): True, and counted for the bot alone, when it disturbs nobody right now."""
        if self._is_free(chat):
            return True
        now = self._clock.monotonic()
        budget = self._chats.get(chat)
        if self._bot.turn.locked() or self._bot.free_at() > now or (budget is not None and budget.held_until > now):
            return False
        self._bot.take(now)
        return True

    def try_spare(self, chat: str, *, is_group: bool) -> float:
        """For what may be left out and counts in full (the draft of an answer): 0.0, and counted, when it takes no
        place that a message waits for or may soon want; else after how many seconds to ask again."""
        if self._is_free(chat):
            return 0.0
        budget, now = self._budget(chat), self._clock.monotonic()
        budget.windows = budget.windows or self._windows(is_group=is_group)
        if budget.callers or self._bot.turn.locked():
            return ASK_AGAIN_SECONDS
        chat_at = max([budget.held_until, *(window.paced_at() for window in budget.windows)])
        bot_at = max([self._bot.held_until, *(window.spare_at() for window in self._bot.windows)])
        seconds = max(chat_at, bot_at) - now
        if seconds > INSTANT:
            return seconds
        budget.take(now)
        self._bot.take(now)
        return 0.0

    def hold(self, chat: str | None, seconds: float) -> None:
        """The platform asks to wait: nothing goes to `chat` (None: to any chat) for `seconds`."""
        budget = self._bot if chat is None else self._budget(chat)
        budget.held_until = max(budget.held_until, self._clock.monotonic() + seconds)

    @property
    def remembered(self) -> int:
        """How many chats are in memory."""
        return len(self._chats)

    def _is_free(self, chat: str) -> bool:
        if not self._unlimited or chat in self._chats:
            return False
        return not self._bot.held_until or self._bot.held_until <= self._clock.monotonic()

    async def _take(self, budget: _Budget) -> None:
        """Wait for the chat alone first: only who may go at once stands in the bot's queue."""
        while True:
            await self._wait(budget)
            async with self._bot.turn:
                await self._wait(self._bot)
                now = self._clock.monotonic()
                if budget.free_at() <= now + INSTANT:  # the chat may have been held in between
                    budget.take(now)
                    self._bot.take(now)
                    return

    async def _wait(self, budget: _Budget) -> None:
        while (seconds := budget.free_at() - self._clock.monotonic()) > INSTANT:
            await self._clock.sleep(seconds)

    def _budget(self, chat: str) -> _Budget:
        budget = self._chats.get(chat)
        if budget is None:
            self._forget_idle()
            budget = self._chats[chat] = _Budget()
        return budget

    def _windows(self, *, is_group: bool) -> Sequence[_Window]:
        windows = []
        if self._chat_per_second:
            windows.append(_Window(BURST, self._chat_per_second))
        if is_group and self._group_per_minute:
            windows.append(_whole_window(self._group_per_minute, 60))
        return windows

    def _forget_idle(self) -> None:
        """Looks at all chats, but only when they have doubled since it last did."""
        if len(self._chats) < self._sweep_at:
            return
        now = self._clock.monotonic()
        self._chats = {chat: budget for chat, budget in self._chats.items() if budget.callers or budget.idle_at() > now}
        self._sweep_at = max(FEWEST_REMEMBERED, 2 * len(self._chats))
