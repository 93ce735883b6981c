"""Keeps one channel account open: logs in, receives, delivers, and starts again when the platform drops us."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack

from bot.delivery.worker import DeliveryWorker
from bot.inbox import InboxStore, StoredUpdate
from bot.pipeline.intake import Intake
from bot.pipeline.outgoing import Outgoing
from bot.pipeline.path import Path
from bot.storage.errors import StorageError, StorageUnavailable
from channels.clock import Clock
from channels.errors import ChannelError, Unauthorized
from channels.message import JsonObject
from channels.port import Channel, CommandCard, Suggestion

log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
REFUSED_PAUSE_SECONDS = 600.0  # a refused token stays refused: at most a few log-ins an hour


class ChannelHost:
    """One account's life. `open_channel` makes a fresh connection each time it is called, and `when_open` is told.

    One intake outlives the connections: what was taken over an earlier one may still be under way.
    """

    def __init__(
        self,
        *,
        name: str,
        account: str,
        needs_token: bool,
        open_channel: Callable[[], AbstractAsyncContextManager[Channel]],
        clock: Clock,
        inbox: InboxStore,
        path: Path,
        outgoing: Outgoing,
        worker: DeliveryWorker,
        commands: Sequence[CommandCard],
        when_open: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self.account = account
        self.needs_token = needs_token
        self.state = "starting"
        self._open_channel = open_channel
        self._clock = clock
        self._path = path
        self._outgoing = outgoing
        self._worker = worker
        self._commands = commands
        self._when_open = when_open
        self._receiving: asyncio.Task[None] | None = None
        self._open: Channel | None = None
        self._newest: Channel | None = None
        self._intake = Intake(name, account, inbox, clock, self._take, self._suggest)

    @property
    def condition(self) -> str:
        """`state`, unless the platform has been silent for too long while all seems to be well."""
        expected_by = None if self._open is None else self._open.expected_by
        if self.state != "running" or expected_by is None or self._clock.monotonic() < expected_by:
            return self.state
        return "not hearing from its platform"

    async def run(self) -> None:
        """Until cancelled. Raises Unauthorized only when the very first log-in is refused."""
        pause, been_open, faults = FIRST_PAUSE_SECONDS, False, 0
        while True:
            try:
                async with self._open_channel() as channel:
                    been_open, pause = True, FIRST_PAUSE_SECONDS
                    await self._serve(channel)
            except Unauthorized as refusal:
                self.state = "refused"
                if not been_open:
                    raise
                log.error("The platform refuses our token", extra={**self._names(), "error": str(refusal)})  # noqa: TRY400
                pause = REFUSED_PAUSE_SECONDS
            except ChannelError as error:
                self.state = "unreachable"
                log.warning(
                    "The platform cannot be reached; trying again",
                    extra={**self._names(), "error": str(error), "seconds": pause},
                )
            except StorageUnavailable as error:
                self.state = "waiting for the database"
                log.warning("Opening waits for the database", extra={**self._names(), "error": str(error)})
            except Exception as fault:
                if _is_of_storage(fault):
                    raise  # the whole house stands on it
                # A fault of one channel, ours or a plugin's, must neither end the others nor go unseen.
                self.state = "faulty"
                faults += 1
                pause = min(FIRST_PAUSE_SECONDS * 2**faults, LONGEST_PAUSE_SECONDS)
                log.exception("A channel failed; it is opened again", extra={**self._names(), "seconds": pause})
            self._open = None
            await self._clock.sleep(pause)
            pause = min(pause * 2, max(LONGEST_PAUSE_SECONDS, pause))

    async def _serve(self, channel: Channel) -> None:
        """Receive and deliver until the platform refuses our token (Unauthorized)."""
        async with AsyncExitStack() as stack:
            self._outgoing.opened(self.name, self.account, channel)
            stack.callback(self._outgoing.closed, self.name, self.account)
            lost = await stack.enter_async_context(self._worker.outlet(self.name, self.account, channel))
            self.state, self._open, self._newest = "running", channel, channel
            self._intake.look()
            self._when_open()
            log.info("Receiving", extra={**self._names(), "bot": channel.identity})
            for note in channel.notes:
                log.warning(note, extra=self._names())
            await self._receive(channel, lost)
        raise Unauthorized("the platform refuses the token")

    def _take(self, update: StoredUpdate) -> None:
        if self._newest is None:
            raise RuntimeError("nothing is taken before the first connection")
        self._path.take(update, self._newest, lambda: self._intake.finished(update))

    async def _suggest(self, raw: JsonObject, command: str, typed: str) -> Sequence[Suggestion]:
        return () if self._newest is None else await self._path.suggest(self._newest, raw, command, typed)

    async def _receive(self, channel: Channel, lost: asyncio.Event) -> None:
        """Return when the platform has refused our token, to the receiver or to the delivery worker."""
        try:
            async with asyncio.TaskGroup() as group:
                chores = [
                    group.create_task(self._intake.run(), name=f"intake {self.name}"),
                    group.create_task(self._publish_commands(channel), name=f"commands {self.name}"),
                ]
                self._receiving = group.create_task(channel.receive(self._intake), name=f"receive {self.name}")
                await lost.wait()
                for chore in (*chores, self._receiving):
                    chore.cancel()
        except* Unauthorized:
            pass  # said by whoever reads the end of this serving

    def look_at_inbox(self) -> None:
        """Another machine may have stored what was said to this account."""
        if self._open is not None:
            self._intake.look()

    def stand_by(self) -> None:
        """Another machine holds the account."""
        self.state = "standby"

    def stop_receiving(self) -> None:
        """Take nothing new from the platform; what is stored is still answered and delivered."""
        if self._receiving is not None:
            self._receiving.cancel()

    async def _publish_commands(self, channel: Channel) -> None:
        try:
            await channel.publish_commands(self._commands)
        except ChannelError as error:
            log.warning("The command menu could not be set", extra={**self._names(), "error": str(error)})

    def _names(self) -> dict[str, str]:
        return {"channel": self.name, "account": self.account}


def _is_of_storage(fault: Exception) -> bool:
    if isinstance(fault, ExceptionGroup):
        return fault.subgroup(StorageError) is not None
    return isinstance(fault, StorageError)
