"""The seam between a platform and the bot: what each channel offers, and the little that it is given."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from pydantic import BaseModel

from channels.capabilities import Capabilities
from channels.clock import Clock
from channels.message import Delivery, Destination, InboundMessage, JsonObject, OutboundMessage, Receipt


@dataclass(frozen=True, slots=True)
class RawUpdate:
    """One event as the platform sent it: `update_id` unique per (channel, account), `raw` its JSON text."""

    update_id: str
    raw: str


class Inbox(Protocol):
    """Where a channel puts what it received."""

    async def store(self, updates: Sequence[RawUpdate]) -> None:
        """Return when all of `updates` are on disk (those that were there already count as stored).

        Raises an exception when they are not: the channel then acknowledges nothing and offers them again later.
        """
        ...


class Channel(Protocol):
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
        ...

    async def receive(self, inbox: Inbox) -> None:
        """Receive until cancelled, storing each event before acknowledging it.

        Passing faults (network, 5xx, a store that refuses) are waited out inside. Raises Unauthorized when the
        platform refuses the token.
        """
        ...

    def parse(self, raw: JsonObject) -> InboundMessage | None:
        """The message in a stored event; None for an event that says nothing to the bot. Raises Unparsable."""
        ...

    def render(self, message: OutboundMessage) -> Sequence[JsonObject]:
        """`message` in the platform's form, split into parts that each fit; never empty for a text with content."""
        ...

    async def send(self, delivery: Delivery) -> Receipt:
        """Hand one part to the platform, waiting for the rate governor first.

        Raises NotSent, RateLimited, Unauthorized, Refused, ChatMoved or OutcomeUnknown, nothing else.
        """
        ...

    async def show_typing(self, destination: Destination) -> None:
        """Show that an answer is being made. A transient effect: every failure is swallowed."""
        ...

    async def acknowledge_press(self, raw: JsonObject) -> None:
        """End the platform's wait after a button was pressed. Transient too; nothing to do for other events."""
        ...

    async def publish_commands(self, menus: Mapping[str, Sequence[tuple[str, str]]]) -> None:
        """Set the platform's command menu: language tag ("" for the default) → (name, description) pairs.

        A channel without a menu does nothing. Raises ChannelError.
        """
        ...


@dataclass(frozen=True, slots=True)
class ChannelContext:
    """All that a channel is given. `config` is the manifest's own model, `account` a key of its `accounts`."""

    account: str
    config: Any
    clock: Clock


@dataclass(frozen=True, slots=True)
class ChannelManifest:
    """A channel's card: cheap to import, so that a channel that is off costs nothing.

    `config` and `open` name an object as `module:name`, imported only when the channel is enabled: the pydantic
    model of its settings (a subclass of channels.config.ChannelConfig) and an async context manager function
    `(ChannelContext) -> Channel`. `id_problem` says in a few words why a platform id cannot occur there (kind is
    `peer`, `thread`, `guild`, `sender` or `role`), or returns None. `interactive` marks a channel that belongs to
    the process that started it (the terminal) and is never polled by `javis run`.
    """

    name: str
    config: str
    open: str
    id_problem: Callable[[Literal["peer", "thread", "guild", "sender", "role"], str], str | None]
    token_variable: str | None = None
    interactive: bool = False


ConfigModel = type[BaseModel]
