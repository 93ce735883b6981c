"""What was said while nobody listened: after a new session, each chat's messages since its cursor.

The gateway repeats nothing across sessions, and a restart is a new session. Only chats whose newest message is newer
than what is on disk are asked. A chat that Discord does not give, or whose messages came too fast to be taken, is
*behind*: nothing newer of it is taken before the older is fetched. Interactions cannot be fetched; their three seconds
are over anyway.

https://discord.com/developers/docs/resources/message#get-channel-messages
"""

import logging
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

import discord
from discord.utils import time_snowflake

from channels.clock import Clock
from channels.discord.cursors import MOST, Cursors
from channels.discord.failures import CallFailed, RefusedCall, SlowDown
from channels.discord.http import DiscordHttp

log = logging.getLogger(__name__)

PAGE: Final = 100
MOST_PAGES: Final = 20  # of one chat
OLDEST: Final = timedelta(hours=24)  # what is older needs no answer any more
TRIES: Final = 5
RETRY_SECONDS: Final = 2.0

Page = list[dict[str, Any]]
Members = dict[str, dict[str, Any] | None]
"""Of a server, by user id; None: Discord tells nothing of that one."""

Readable = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.Thread


class CatchUp:
    """Of one account. Pages come oldest first, each message completed with its server and its author's roles."""

    def __init__(
        self,
        user_id: str,
        rest: DiscordHttp,
        cursors: Cursors,
        clock: Clock,
        guild: Callable[[int], discord.Guild | None],
    ) -> None:
        self._user_id = int(user_id)
        self._rest = rest
        self._cursors = cursors
        self._clock = clock
        self._guild = guild
        self._awaited: set[str] = set()
        self._behind: dict[str, tuple[str | None, int | None]] = {}
        self._gone: dict[str, str] = {}

    def begin(self, guilds: Sequence[Any]) -> None:
        """A new session began; `guilds` (of READY) will be announced one by one."""
        self._awaited = {
            guild["id"] for guild in guilds if isinstance(guild, dict) and isinstance(guild.get("id"), str)
        }

    @property
    def is_done(self) -> bool:
        """Whether all that was said up to now, wherever the bot can read, is on its way to the disk."""
        return not self._awaited and not self._behind

    @property
    def any_behind(self) -> bool:
        """Whether `behind` has something to fetch."""
        return bool(self._behind)

    def is_behind(self, channel: str) -> bool:
        """Whether older messages are still to be fetched there. What is newer is fetched with them."""
        return channel in self._behind

    def fall_behind(self, channel: str, guild_id: str | None, after: int | None = None) -> None:
        """What is newer than `after` (None: than what is on disk) could not be taken, or not be fetched."""
        if len(self._behind) < MOST:
            self._behind.setdefault(channel, (guild_id, after))

    def gone(self) -> dict[str, str]:
        """What to forget of chats that turned out to be gone."""
        gone, self._gone = self._gone, {}
        return gone

    async def direct_chats(self) -> AsyncIterator[Page]:
        for channel in self._cursors.direct_chats:
            async for page in self._pages(channel):
                yield page

    async def new_direct_chat(self, channel: str) -> AsyncIterator[Page]:
        """In a direct chat of which nothing was ever heard: no list told of it while the bot was away."""
        async for page in self._pages(channel, after=0):
            yield page

    async def guild(self, guild_id: str) -> AsyncIterator[Page]:
        """What was missed in one server."""
        guild = self._guild(int(guild_id)) if guild_id.isdecimal() else None
        members: Members = {}
        for channel in self._missed(guild) if guild is not None else ():
            async for page in self._pages(channel, guild_id, members=members):
                yield page
        self._awaited.discard(guild_id)

    async def behind(self) -> AsyncIterator[Page]:
        """In one of the chats that fell behind, tried once: where it fails it is behind the others. Those that can be
        read wait for nothing longer than this."""
        channel = next(iter(self._behind))
        guild_id, after = self._behind.pop(channel)
        async for page in self._pages(channel, guild_id, after, tries=1):
            yield page

    def _missed(self, guild: discord.Guild) -> Iterator[str]:
        """The channels and threads with something newer than what is on disk, where the bot may read it."""
        listed: Sequence[Readable] = [
            *guild.text_channels, *guild.voice_channels, *guild.stage_channels, *guild.threads,
        ]  # fmt: skip
        for channel in listed:
            newest = channel.last_message_id
            after = self._cursors.after(str(channel.id))
            if newest is None or newest <= after or not after:
                continue
            if self._may_read(guild, channel):
                yield str(channel.id)

    def _may_read(self, guild: discord.Guild, channel: Readable) -> bool:
        """True too where nobody knows; Discord refuses then."""
        me = guild.get_member(self._user_id)
        if me is None or (isinstance(channel, discord.Thread) and channel.parent is None):
            return True
        rights = channel.permissions_for(me)
        return rights.view_channel and rights.read_message_history

    async def _pages(
        self,
        channel: str,
        guild_id: str | None = None,
        after: int | None = None,
        members: Members | None = None,
        tries: int = TRIES,
    ) -> AsyncIterator[Page]:
        """All that is newer than `after`; None: than what is on disk. `guild_id` None: in a direct chat. `members` are
        those that were asked for already."""
        oldest = time_snowflake(self._clock.now() - OLDEST)
        after = max(self._cursors.after(channel) if after is None else after, oldest)
        members = {} if members is None else members
        for _ in range(MOST_PAGES):
            try:
                query = {"after": str(after), "limit": PAGE}
                told = await self._get(f"/channels/{channel}/messages", query, tries, channel)
            except CallFailed:
                self.fall_behind(channel, guild_id, after)
                return
            page = [message for message in told if _number(message)] if isinstance(told, list) else []
            if not page:
                return
            page.sort(key=_number)
            after = _number(page[-1])
            if guild_id is not None:
                for message in page:
                    message["guild_id"] = guild_id
                    await self._complete(message, guild_id, members, tries)
            yield page
            if len(told) < PAGE:
                return
        log.warning("A chat has more missed messages than are fetched", extra={"chat": channel})

    async def _complete(self, message: dict[str, Any], guild_id: str, known: Members, tries: int) -> None:
        """Events bring their author's roles, GET does not."""
        match message:
            case {"author": {"id": str(user), "bot": True}}:
                return
            case {"author": {"id": str(user)}} if user.isdecimal() and "webhook_id" not in message:
                if user not in known:
                    known[user] = None
                    with suppress(CallFailed):  # better heard without roles than not at all
                        told = await self._get(f"/guilds/{guild_id}/members/{user}", {}, tries)
                        known[user] = told if isinstance(told, dict) else None
                if known[user] is not None:
                    message["member"] = known[user]

    async def _get(self, path: str, query: dict[str, Any], tries: int, channel: str | None = None) -> Any:
        """None for what Discord does not give. Waits out what passes; raises CallFailed where that takes too long."""
        for attempt in range(1, tries + 1):
            try:
                return (await self._rest.call("GET", path, query=query)).data
            except SlowDown as slow:
                await self._clock.sleep(slow.retry_after_seconds)
            except RefusedCall as refusal:
                log.debug("Nothing could be fetched", extra={"path": path, "reason": str(refusal)})
                if channel is not None and refusal.status == 404:
                    self._gone |= self._cursors.forget(channel)
                return None
            except CallFailed as failure:
                log.warning("Missed messages cannot be fetched yet", extra={"path": path, "reason": str(failure)})
                await self._clock.sleep(RETRY_SECONDS * attempt)
        raise CallFailed("Discord gives nothing for now")


def _number(message: Any) -> int:
    """0 for what is no message."""
    match message:
        case {"id": str(number)} if number.isdecimal():
            return int(number)
        case _:
            return 0
