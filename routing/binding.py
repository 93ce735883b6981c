"""Bindings: which agent answers where, as patterns over addresses."""

from dataclasses import dataclass, replace
from enum import Enum

from routing.address import Address, PeerKind


class Tier(Enum):
    """How closely a binding points at an address, strongest first; the strongest tier with a match decides.

    Computed from the fields that are given, never from their order in the file.
    """

    THREAD = "thread"
    #: A chat by its id. A kind alone ("all direct chats") names no chat and opens no tier of its own.
    PEER = "peer"
    SENDER = "sender"
    #: Roles, with or without their guild: a role's id belongs to one guild only.
    GUILD_ROLES = "guild+roles"
    GUILD = "guild"
    ACCOUNT = "account"
    CHANNEL = "channel"
    #: No field but perhaps `peer.kind`; below these bindings only the file's default agent is left.
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class PeerPattern:
    """The chat that holds a message. None: any.

    A kind without an id is weaker than any id: it only counts as one more field in the tier of the other fields,
    so `{channel, peer: {kind: direct}}` stands in tier `channel`, before `{channel}` alone.
    """

    kind: PeerKind | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """What an address must have. All that is given must fit; None (for `roles`: empty) is any.

    One of `roles` is enough. `peer.kind` and `peer.id` count as one field each.
    """

    channel: str | None = None
    account: str | None = None
    peer: PeerPattern = PeerPattern()
    thread: str | None = None
    guild: str | None = None
    roles: frozenset[str] = frozenset()
    sender: str | None = None

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """The given fields that must be equal, all but `roles`: (attribute of Address, value), in a fixed order."""
        values = (
            ("channel", self.channel),
            ("account", self.account),
            ("peer.kind", self.peer.kind),
            ("peer.id", self.peer.id),
            ("thread", self.thread),
            ("guild", self.guild),
            ("sender", self.sender),
        )
        return tuple((name, value) for name, value in values if value is not None)

    @property
    def field_count(self) -> int:
        return len(self.fields) + bool(self.roles)

    @property
    def tier(self) -> Tier:
        """The tier of the strongest field."""
        strengths = (
            (Tier.THREAD, self.thread is not None),
            (Tier.PEER, self.peer.id is not None),
            (Tier.SENDER, self.sender is not None),
            (Tier.GUILD_ROLES, bool(self.roles)),
            (Tier.GUILD, self.guild is not None),
            (Tier.ACCOUNT, self.account is not None),
            (Tier.CHANNEL, self.channel is not None),
        )
        return next((tier for tier, given in strengths if given), Tier.DEFAULT)

    @property
    def as_thread(self) -> "Match | None":
        """The same with `peer.id` read as the id of a thread; None where it cannot be one.

        A thread inside a peer of kind `channel` (Discord) has an id of its own, unlike a topic inside a `group`
        (Telegram), which is only numbered there.
        """
        if self.peer.id is None or self.thread is not None or self.peer.kind in {"direct", "group"}:
            return None
        return replace(self, peer=PeerPattern("channel"), thread=self.peer.id)

    def tier_at(self, address: Address) -> Tier | None:
        """The tier in which this matches `address`, None where it does not: the rule that Table makes fast."""
        thread = self.as_thread
        if thread is not None and thread._fits(address):  # noqa: SLF001 - another Match
            return Tier.THREAD
        return self.tier if self._fits(address) else None

    def _fits(self, address: Address) -> bool:
        return (
            self.channel in {None, address.channel}
            and self.account in {None, address.account}
            and self.peer.kind in {None, address.peer.kind}
            and self.peer.id in {None, address.peer.id}
            and self.thread in {None, address.thread}
            and self.guild in {None, address.guild}
            and self.sender in {None, address.sender}
            and (not self.roles or not self.roles.isdisjoint(address.roles))
        )


@dataclass(frozen=True, slots=True)
class Binding:
    """Addresses that fit `match` are answered by `agent`.

    Among those of one tier with as many fields the higher `priority` decides, then the place in the file. `line`
    is where the file has it, counted from 1; None: it is from no file.
    """

    agent: str
    match: Match
    priority: int = 0
    line: int | None = None

    @property
    def standing(self) -> tuple[int, int]:
        """Sorts bindings of one tier, the one that decides first; equal ones keep their place in the file."""
        return -self.match.field_count, -self.priority
