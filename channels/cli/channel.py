"""The terminal as a channel: the person at the keyboard, and nobody else."""

import getpass
import itertools
import logging
import os
import sys
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final, TextIO

from typing_extensions import override

from channels.capabilities import Capabilities
from channels.cli.parse import Line, parse_line
from channels.cli.render import harmless, render_message
from channels.cli.terminal import LineSource, StreamLines
from channels.clock import Clock
from channels.errors import NotSent
from channels.message import Delivery, InboundMessage, JsonObject, OutboundMessage, Receipt
from channels.port import Channel, ChannelContext, Inbox, RawUpdate
from channels.utf16 import without_lone_surrogates

log = logging.getLogger(__name__)

CAPABILITIES: Final = Capabilities(text_limit=None, text_unit="characters", markup="none", buttons=True)
STORE_RETRY_SECONDS: Final = 1.0


@asynccontextmanager
async def open_cli(context: ChannelContext) -> AsyncIterator[Channel]:
    """The process's own standard input and output."""
    yield CliChannel(
        StreamLines(sys.stdin),
        sys.stdout,
        account=context.account,
        user_id=str(os.getuid()),
        user_name=getpass.getuser(),
        clock=context.clock,
    )


class CliChannel(Channel):
    """Speaks with one person through a pair of streams."""

    capabilities = CAPABILITIES

    def __init__(
        self, lines: LineSource, output: TextIO, *, account: str, user_id: str, user_name: str, clock: Clock
    ) -> None:
        self._lines = lines
        self._output = output
        self._account = account
        self._user_id = user_id
        self._user_name = user_name
        self._clock = clock
        # A number alone would come again in the next process and be taken for a repetition.
        self._ids = (f"{uuid.uuid4().hex}-{number}" for number in itertools.count(1))

    @property
    @override
    def identity(self) -> str:
        return "the terminal"

    @override
    async def receive(self, inbox: Inbox) -> None:
        """Return when the input ends."""
        while True:
            try:
                text = await self._lines.readline()
            except EOFError:
                return
            await self._store(inbox, text)

    @override
    def parse(self, raw: JsonObject) -> InboundMessage | None:
        return parse_line(raw, self._account)

    @override
    def render(self, message: OutboundMessage) -> Sequence[JsonObject]:
        return render_message(message)

    @override
    async def send(self, delivery: Delivery) -> Receipt:
        label = f"{harmless(delivery.label)}\n" if delivery.label else ""
        try:
            self._output.write(f"{label}{delivery.payload['text']}\n")
            self._output.flush()
        except (OSError, ValueError) as error:  # ValueError: the stream is closed
            raise NotSent(f"the terminal takes nothing ({type(error).__name__})") from error
        return Receipt(next(self._ids))

    async def _store(self, inbox: Inbox, text: str) -> None:
        """Nobody types a line twice: it is kept here until it is on disk."""
        line = Line(
            id=next(self._ids),
            text=without_lone_surrogates(text),
            sender=self._user_id,
            name=self._user_name,
            sent_at=self._clock.now(),
        )
        update = RawUpdate(line.id, line.model_dump_json())
        while True:
            try:
                await inbox.store([update])
            except Exception as error:  # noqa: BLE001 - whatever stops the store must not lose the line
                log.warning(
                    "A line cannot be stored; trying again", extra={"reason": f"{type(error).__name__}: {error}"}
                )
                await self._clock.sleep(STORE_RETRY_SECONDS)
            else:
                return
