"""The seam between a platform and the bot: what each channel offers, and the little that it is given."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal

from pydantic import BaseModel
from typing_extensions import Protocol, override, runtime_checkable  # whose isinstance takes a tenth of the time

from channels.capabilities import Capabilities
from channels.clock import Clock
from channels.errors import OutcomeUnknown
from channels.message import (
    Attachment,
    ChatChange,
    Delivery,
    Destination,
    InboundMessage,
    JsonObject,
    OutboundMessage,
    Receipt,
)

NOTHING: Mapping[str, str] = MappingProxyType({})

Publish = Callable[[str, str, JsonObject], None]
"""Tells the gateway's clients of a session something: (event type, session key, data). Transient."""


def publish_nothing(event_type: str, session_key: str, data: JsonObject) -> None:
    """Where nobody listens."""


@dataclass(frozen=True, slots=True)
class RawUpdate:
    """One event as the platform sent it: `update_id` unique per (channel, account), `raw` its JSON text."""

    update_id: str
    raw: str


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One value that a person may choose while typing a command: `label` is shown, `value` is sent."""

    label: str
    value: str


class Inbox(Protocol):
    """Where a channel puts what it received, and asks what it must answer at once."""

    async def store(
        self,
        updates: Sequence[RawUpdate],
        remember: Mapping[str, str] = NOTHING,
        *,
        within_seconds: float | None = None,
    ) -> None:
        """Return when all of `updates` are on disk (those that were there already count as stored).

        `remember` goes to the channel's memory in the same transaction. Raises an exception when they are not on
        disk: the channel then acknowledges nothing and offers them again later. Raises TimeoutError when they are
        not there `within_seconds`, for a platform that does not wait longer: they are then never answered, even
        where they reach the disk after all.
        """
        ...

    async def suggest(self, raw: JsonObject, command: str, typed: str) -> Sequence[Suggestion]:
        """What may follow `typed` as the argument of `command`, for the person and chat of `raw`, which `parse` reads.

        Empty where there is nothing to suggest, or the gate would refuse the person. Transient: nothing is stored.
        """
        ...


class Memory(Protocol):
    """The little that a channel account must know again after a restart (how far it has read). Kept in the database."""

    async def recall(self, prefix: str) -> Mapping[str, str]:
        """All that is remembered under names that begin with `prefix`."""
        ...

    async def remember(self, values: Mapping[str, str]) -> None:
        """Return when `values` are on disk; an empty value forgets its name. Raises an exception when they are not."""
        ...


class ShortMemory(Memory):
    """A memory that ends with the process."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    @override
    async def recall(self, prefix: str) -> Mapping[str, str]:
        return {name: value for name, value in self._values.items() if name.startswith(prefix)}

    @override
    async def remember(self, values: Mapping[str, str]) -> None:
        merged = self._values | dict(values)
        self._values = {name: value for name, value in merged.items() if value}


@dataclass(frozen=True, slots=True)
class CommandCard:
    """One command of a platform's menu.

    Texts by language tag, "" for the default. `name` is what comes back, `names` how a platform that translates
    names shows it. `argument` says what may follow the name (None: nothing); with `suggests` the channel may ask
    `Inbox.suggest` for it. The answer to a `private` command is for the asker alone, where a platform can do that.
    A command `for_owners` is offered only to those who manage the place, where a platform can do that; the bot refuses
    all but its owners whatever is offered.
    """

    name: str
    names: Mapping[str, str]
    descriptions: Mapping[str, str]
    argument: Mapping[str, str] | None = None
    argument_required: bool = False
    suggests: bool = False
    private: bool = False
    for_owners: bool = False


class Carrier(Protocol):
    """Where rendered parts leave: all that the delivery worker needs of a channel."""

    async def send(self, delivery: Delivery) -> Receipt:
        """Hand one part to the platform, waiting for the rate governor first.

        Raises NotSent, RateLimited, Unauthorized, Refused, ChatMoved, ChatClosed or OutcomeUnknown, nothing else.
        """
        ...

    async def wait_turn(self, destination: Destination) -> None:
        """Return when the rate governor would let a part go there; nothing is counted. Whoever is stopped in here has
        sent nothing, which nobody can say of `send`."""
        del destination  # without a governor it is always one's turn

    async def settle(self, delivery: Delivery, since: datetime) -> Receipt:
        """Find out what became of a part whose answer never came; `since` is when its first attempt began.

        Returns the receipt when it arrived. Raises NotSent when it certainly did not, OutcomeUnknown when nobody can
        tell, or what `send` raises. Nothing new is sent; what a repetition leaves as it is (an edit) may be repeated.
        """
        raise OutcomeUnknown(f"nobody can tell what became of {delivery.id} since {since:%H:%M}")


class Channel(Carrier, Protocol):
    """One account on one platform. Opened by its manifest's `open`, closed by leaving that context.

    When open, the platform has accepted the token and the bot's own identity is known, so `parse` and `render`
    are pure and never wait.
    """

    @property
    def capabilities(self) -> Capabilities: ...

    @property
    def identity(self) -> str:
        """How the platform calls this bot, for people (`@javis_bot`)."""
        ...

    @property
    def notes(self) -> Sequence[str]:
        """What the owner should know about this account (privacy mode, a missing right). Empty: all is well."""
        return ()

    @property
    def expected_by(self) -> float | None:
        """When, on the monotonic clock, the platform must have been heard again; None: its silence means nothing."""
        return None

    async def receive(self, inbox: Inbox) -> None:
        """Receive until cancelled, storing each event before acknowledging it.

        Passing faults (network, 5xx, a store that refuses) are waited out inside. Raises Unauthorized when the
        platform refuses the token.
        """
        ...

    def parse(self, raw: JsonObject) -> InboundMessage | ChatChange | None:
        """What a stored event says; None for one that says nothing to the bot. Raises Unparsable."""
        ...

    def render(self, message: OutboundMessage) -> Sequence[JsonObject]:
        """`message` in the platform's form, split into parts that each fit; never empty for a text with content."""
        ...

    async def show_typing(self, destination: Destination) -> None:  # noqa: ARG002 - a port's shape
        """Show that an answer is being made. A transient effect: every failure is swallowed."""
        return

    async def acknowledge_press(self, raw: JsonObject) -> None:  # noqa: ARG002 - a port's shape
        """End the platform's wait after a button was pressed. Transient too; nothing to do for other events."""
        return

    async def publish_commands(self, commands: Sequence[CommandCard]) -> None:  # noqa: ARG002 - a port's shape
        """Set the platform's command menu. A channel without a menu does nothing. Raises ChannelError."""
        return


@runtime_checkable
class HoldsFiles(Protocol):
    """A channel whose platform keeps the files that people send."""

    async def fetch(self, attachment: Attachment, most_bytes: int) -> bytes | None:
        """The first `most_bytes` of a file that `parse` told of; None where it cannot be had. Never raises."""
        ...


@runtime_checkable
class ShowsDrafts(Protocol):
    """A channel on which an answer can be shown while it is written."""

    @property
    def streams(self) -> bool:
        """Whether the settings ask for that."""
        ...

    async def show_draft(self, delivery: Delivery) -> Receipt:
        """Show a part of a message that is `unfinished`: in the place of its draft, else as a new message. A part that
        takes a draft away gives a receipt without a name.

        A transient effect that never waits for the rate governor. Raises RateLimited where it has to wait, the
        governor's wish included, and otherwise as `send`. `delivery.id` has at most 25 characters.
        """
        ...


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A POST to `/channels/<channel>/<account>`. Header names in lower case; `body` is already bounded in size."""

    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """What the platform is told; `body` is sent as JSON."""

    status: int
    body: JsonObject


@runtime_checkable
class TakesRequests(Protocol):
    """A channel whose platform comes to us over HTTP; the gateway hands it each request, unauthenticated."""

    async def take_request(self, request: HttpRequest) -> HttpResponse:
        """Check who asks, store, and answer: 2xx only once it is on disk, 503 when it cannot be stored."""
        ...


@dataclass(frozen=True, slots=True)
class ChannelContext:
    """All that a channel is given. `config` is the manifest's own model, `account` a key of its `accounts`.

    `try_again` asks a person to repeat what could not be kept: texts by language tag, "" for the default.
    """

    account: str
    config: Any
    clock: Clock
    memory: Memory = field(default_factory=ShortMemory)
    try_again: Mapping[str, str] = field(default_factory=lambda: {"": "Please try again in a moment."})
    publish: Publish = publish_nothing


@dataclass(frozen=True, slots=True)
class ChannelManifest:
    """A channel's card: cheap to import, so that a channel that is off costs nothing.

    `config` and `open` name an object as `module:name`, imported only when the channel is enabled: the pydantic
    model of its settings (a subclass of channels.config.ChannelConfig) and an async context manager function
    `(ChannelContext) -> Channel`. `id_problem` says in a few words why a platform id cannot occur there (kind is
    `peer`, `thread`, `guild`, `sender` or `role`), or returns None. `interactive` marks a channel that belongs to
    the process that started it (the terminal) and is never polled by `javis run`. `tokenless` marks one that
    needs no account of its own: it is on unless the settings switch it off. `render` names `(OutboundMessage) ->
    payloads`, what `Channel.render` does, for channels that can do it without being open; None: this one cannot.
    """

    name: str
    config: str
    open: str
    id_problem: Callable[[Literal["peer", "thread", "guild", "sender", "role"], str], str | None]
    token_variable: str | None = None
    interactive: bool = False
    tokenless: bool = False
    render: str | None = None


ConfigModel = type[BaseModel]
