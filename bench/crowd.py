"""A channel on which many people speak at a given rate, and which counts what they hear: no network, no platform."""

import asyncio
import json
from array import array
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import ConfigDict
from typing_extensions import override

from channels.capabilities import Capabilities
from channels.clock import Clock
from channels.config import AccountConfig, ChannelConfig, Strict
from channels.message import Delivery, Destination, InboundMessage, JsonObject, OutboundMessage, Receipt
from channels.port import Channel, ChannelContext, ChannelManifest, Inbox, RawUpdate
from routing.address import Address, Peer

TICK_SECONDS: Final = 0.02
AT_ONCE: Final = 100  # updates in one transaction, as many as getUpdates brings
MOST_WAITING: Final = 20_000  # unanswered messages: a crowd that is not served speaks more slowly

MANIFEST: Final = ChannelManifest(
    name="crowd",
    config="bench.crowd:CrowdConfig",
    open="bench.crowd:open_crowd",
    id_problem=lambda _kind, _id: None,
    tokenless=True,
)


class Crowd:
    """`people` who say `messages` numbers in turn, `rate` a second, each of them once, and hear each answered."""

    def __init__(self, messages: int, rate: float, people: int) -> None:
        self.messages = messages
        self.rate = rate
        self.people = people
        self.offered = self.answered = self.doubled = self.out_of_order = 0
        self._heard = bytearray(messages)
        self._newest = array("q", [-1]) * people  # a list would grow by the numbers that it comes to hold

    @property
    def lost(self) -> int:
        """How many of the messages have no answer."""
        return self.messages - self.answered

    def hear(self, number: int) -> None:
        """Message `number` is answered."""
        if self._heard[number]:
            self.doubled += 1
            return
        self._heard[number] = 1
        self.answered += 1
        person = number % self.people
        self.out_of_order += number < self._newest[person]
        self._newest[person] = number


class CrowdConfig(ChannelConfig):
    """Anybody of `crowd` may speak."""

    model_config = ConfigDict(**Strict.model_config, arbitrary_types_allowed=True)
    crowd: Crowd


def settings_for(crowd: Crowd) -> CrowdConfig:
    return CrowdConfig(accounts={"default": AccountConfig()}, dm_policy="open", crowd=crowd)


@asynccontextmanager
async def open_crowd(context: ChannelContext) -> AsyncIterator[Channel]:
    yield CrowdChannel(context.config.crowd, context.account, context.clock)


class CrowdChannel(Channel):
    """Stores what the crowd says, and takes every answer at once."""

    def __init__(self, crowd: Crowd, account: str, clock: Clock) -> None:
        self._crowd = crowd
        self._account = account
        self._clock = clock

    @property
    @override
    def capabilities(self) -> Capabilities:
        return Capabilities(text_limit=None, text_unit="characters", markup="none")

    @property
    @override
    def identity(self) -> str:
        return "the crowd"

    @override
    async def receive(self, inbox: Inbox) -> None:
        crowd, begin = self._crowd, self._clock.monotonic()
        while crowd.offered < crowd.messages:
            due = int((self._clock.monotonic() - begin) * crowd.rate)
            due = min(due, crowd.messages, crowd.answered + MOST_WAITING)
            while crowd.offered < due:
                following = range(crowd.offered, min(due, crowd.offered + AT_ONCE))
                await inbox.store([RawUpdate(str(number), json.dumps({"number": number})) for number in following])
                crowd.offered = following.stop
            await self._clock.sleep(TICK_SECONDS)
        await asyncio.get_running_loop().create_future()

    @override
    def parse(self, raw: JsonObject) -> InboundMessage:
        number: int = raw["number"]
        person = str(number % self._crowd.people)
        return InboundMessage(
            address=Address("crowd", self._account, Peer("direct", person), sender=person),
            origin=Destination("crowd", self._account, person),
            message_id=str(number),
            text=str(number),
            sender_name="",
            sent_at=datetime.now(UTC),
        )

    @override
    def render(self, message: OutboundMessage) -> Sequence[JsonObject]:
        return [{"text": message.text}]

    @override
    async def send(self, delivery: Delivery) -> Receipt:
        payload: Any = delivery.payload
        self._crowd.hear(int(payload["text"]))
        return Receipt(payload["text"])
