"""The connection to Discord's gateway: discord.py's socket, heartbeat and cache, around a loop of our own.

The library's `Client.connect` takes the gateway's address from a constant, sleeps on the machine's clock, ends for
good at an event that it cannot read, and makes objects of every message. Here messages and interactions leave the
parsers as the JSON that came; servers, channels, threads and roles stay in the library's cache.

https://discord.com/developers/docs/events/gateway
"""

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import aiohttp
import discord
import yarl
from discord.gateway import DiscordWebSocket, ReconnectWebSocket
from discord.state import ConnectionState
from typing_extensions import override

from channels.clock import Clock
from channels.discord.failures import CallFailed, RefusedCall, SlowDown
from channels.discord.http import DiscordHttp
from channels.discord.identify import IdentifyBudget
from channels.errors import Unauthorized

log = logging.getLogger(__name__)

OURS: Final = frozenset({"MESSAGE_CREATE", "MESSAGE_UPDATE", "INTERACTION_CREATE"})
TOLD: Final = OURS | {"READY", "RESUMED", "GUILD_CREATE"}
Take = Callable[[str, dict[str, Any]], None]
"""Is given each event of TOLD, after the library has read it. Never waits."""

CONNECT_SECONDS: Final = 60.0
CLOSE_SECONDS: Final = 2.0
FIRST_WAIT_SECONDS: Final = 1.0
LONGEST_WAIT_SECONDS: Final = 60.0
FINISHED, RESUMABLE = 1000, 4000
TOKEN_REFUSED: Final = 4004
INTENT_REFUSED: Final = 4014
# https://discord.com/developers/docs/topics/opcodes-and-status-codes#gateway
REMEDIES: Final = {
    4010: "another program asks for shards of this bot",
    4011: "the bot is in too many servers for one connection; leave some",
    4012: "Discord no longer speaks this version of its gateway; update Javis",
    4013: "Discord no longer knows what this version of Javis asks for; update Javis",
}
SPARE_SESSIONS: Final = 10
ONCE_MORE_SECONDS: Final = (1.0, 5.0)  # before a new session where Discord refuses the old one


class GatewayState(ConnectionState["GatewayClient"]):
    """The library's cache, without its messages and interactions."""

    def __init__(self, *, take: Take, **options: Any) -> None:
        super().__init__(**options)
        self._take = take
        self.parsers = {name: partial(self._read, name, parse) for name, parse in self.parsers.items()}

    def without_message_content(self) -> None:
        self._intents.message_content = False

    def _read(self, event: str, parse: Callable[[Any], None], data: Any) -> None:
        if event not in OURS:
            try:
                parse(data)
            except Exception:  # must not end the connection
                log.exception("discord.py cannot read an event; it is passed over", extra={"event": event})
        if event in TOLD:
            self._take(event, data)


@dataclass(frozen=True, slots=True)
class _Session:
    """What it takes to go on where a connection broke."""

    id: str
    sequence: int | None
    gateway: yarl.URL


class GatewayClient(discord.Client):
    """`intents.message_content` only where the application has it, or Discord closes the connection."""

    def __init__(
        self, *, rest: DiscordHttp, intents: discord.Intents, budget: IdentifyBudget, clock: Clock, take: Take
    ) -> None:
        self._rest = rest
        self._budget = budget
        self._clock = clock
        self._take = take
        self._session: _Session | None = None
        self._socket: DiscordWebSocket | None = None
        self._wait_seconds = 0.0
        super().__init__(
            intents=intents,
            max_messages=None,
            chunk_guilds_at_startup=False,
            member_cache_flags=discord.MemberCacheFlags.none(),
            guild_ready_timeout=0,
        )

    @override
    def _get_state(self, **options: Any) -> ConnectionState[Any]:
        # The library has no other place to give it a REST client or a state of one's own.
        self.http = self._rest
        self._state = GatewayState(
            take=self._hear,
            dispatch=self.dispatch,
            handlers=self._handlers,
            hooks=self._hooks,
            http=self.http,
            **options,
        )
        return self._state

    @override
    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """The library would sleep here."""

    def _hear(self, event: str, data: dict[str, Any]) -> None:
        if event in {"READY", "RESUMED"}:
            self._wait_seconds = 0.0
            log.debug("The gateway is connected", extra={"event": event})
        self._take(event, data)

    async def run_gateway(self) -> None:
        """Until cancelled. Raises Unauthorized; everything else is waited out."""
        try:
            while True:
                await self._connection_once()
        finally:
            await self._hang_up(FINISHED)

    async def _connection_once(self) -> None:
        """One connection from its beginning to its end."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                address = self._session.gateway if self._session else await self._gateway()
            if self._session is None:
                await self._budget.take()
            async with asyncio.timeout(CONNECT_SECONDS):
                self._socket = self.ws = await self._open(address)
            while True:
                await self._socket.poll_event()
        except ReconnectWebSocket as ending:
            await self._end_session(resumable=ending.resume)
        except discord.ConnectionClosed as closed:
            await self._closed(closed.code or 0)
        except SlowDown as slow:
            await self._clock.sleep(slow.retry_after_seconds)
        except RefusedCall as refusal:
            if refusal.status == 401:
                raise Unauthorized("Discord refuses the token") from None
            await self._wait(str(refusal))
        except CallFailed as failure:
            await self._wait(str(failure))
        except (OSError, aiohttp.ClientError) as error:  # TimeoutError is an OSError
            self._keep_session()
            await self._wait(type(error).__name__)

    async def _open(self, address: yarl.URL) -> DiscordWebSocket:
        await self._hang_up(RESUMABLE)
        session = self._session
        if session is None:
            return await DiscordWebSocket.from_client(self, gateway=address, initial=True)
        return await DiscordWebSocket.from_client(
            self, gateway=address, session=session.id, sequence=session.sequence, resume=True
        )

    async def _gateway(self) -> yarl.URL:
        """Where to open a session, once one may be opened. https://discord.com/developers/docs/events/gateway#get-gateway-bot"""
        told = (await self._rest.call("GET", "/gateway/bot")).data
        match told:
            case {"url": str(url), "session_start_limit": {"remaining": int(left), "reset_after": int(milliseconds)}}:
                if left <= SPARE_SESSIONS:
                    log.error("Discord allows no more sessions today", extra={"waits_seconds": milliseconds // 1000})
                    raise SlowDown(milliseconds / 1000 + 1, everywhere=False)
                return yarl.URL(url)
            case _:
                raise CallFailed("the server at api_base does not speak Discord's API")

    async def _end_session(self, *, resumable: bool) -> None:
        if not resumable:
            self._session = None
            await self._clock.sleep(random.uniform(*ONCE_MORE_SECONDS))
            return
        self._keep_session()
        await self._wait("the connection ended")

    def _keep_session(self) -> None:
        socket = self._socket
        if socket is not None and socket.session_id is not None:
            self._session = _Session(socket.session_id, socket.sequence, socket.gateway)

    async def _closed(self, code: int) -> None:
        """Discord ended the connection in a way that nothing can resume."""
        self._session = None
        self._socket = None
        if code == TOKEN_REFUSED:
            raise Unauthorized("Discord refuses the token") from None
        if code == INTENT_REFUSED:
            log.error("Discord refuses to show the text of messages; going on without", extra={"close_code": code})
            self._state.without_message_content()
            return
        remedy = REMEDIES.get(code)
        if remedy is not None:
            self._wait_seconds = LONGEST_WAIT_SECONDS
        await self._wait(remedy or f"closed with {code}")

    async def _wait(self, reason: str) -> None:
        """Not at all the first time: most ends of a connection are ordinary."""
        if self._wait_seconds:
            log.warning("Discord's gateway cannot be reached", extra={"reason": reason, "seconds": self._wait_seconds})
            await self._clock.sleep(self._wait_seconds)
        self._wait_seconds = min(max(2 * self._wait_seconds, FIRST_WAIT_SECONDS), LONGEST_WAIT_SECONDS)

    async def _hang_up(self, code: int) -> None:
        if self._socket is not None and self._socket.open:
            with suppress(TimeoutError, OSError, aiohttp.ClientError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self._socket.close(code=code)
