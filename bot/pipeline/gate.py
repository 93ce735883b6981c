"""The gate: who may speak to the bot, and why not. Pure; it denies whatever the settings do not open.

A binding never grants access: the gate looks at the channel's settings and the approved pairings alone.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from bot.chats import KnownChats
from channels.config import ChannelConfig, GroupConfig, TopicConfig
from channels.message import InboundMessage

PairedSender = tuple[str, str, str]  # channel, account, sender


@dataclass(frozen=True, slots=True)
class Refusal:
    """Nobody is let in; `reason` is a code for `trace` and `/why`."""

    reason: str


class Gate:
    """`configs` are the channels' settings by name; `paired` and `chats` are replaced whenever they change."""

    def __init__(self, configs: Mapping[str, ChannelConfig]) -> None:
        self._configs = configs
        self.paired: AbstractSet[PairedSender] = frozenset()
        self.chats = KnownChats()

    def refusal(self, message: InboundMessage, *, addressed: bool) -> Refusal | None:
        """None lets the message in. `addressed`: it is a command or opens with `Kimi:`, which counts as a mention."""
        config = self._configs[message.origin.channel]  # where it came in, whoever it speaks for
        address = message.address
        if address.sender is None:
            return Refusal("no_sender")
        if message.sender_is_bot:
            return Refusal("from_a_bot")
        if address.peer.kind == "direct":
            reason = self._direct(message, config, address.sender)
        else:
            reason = self._group(message, config, address.sender, addressed=addressed or message.mentioned)
        return None if reason is None else Refusal(reason)

    def is_owner(self, channel: str, sender: str | None) -> bool:
        """True for a sender whom the channel's settings name as an owner."""
        return sender in self._configs[channel].owners

    def former_id(self, message: InboundMessage) -> str | None:
        """The id that the message's chat had before it moved."""
        address = message.address
        return self.chats.moved_from.get((address.channel, address.account, address.peer.id))

    def _direct(self, message: InboundMessage, config: ChannelConfig, sender: str) -> str | None:
        if config.dm_policy == "disabled":
            return "dm_disabled"
        if config.dm_policy == "open" or sender in config.owners or sender in config.allow_from:
            return None
        if config.dm_policy == "allowlist":
            return "dm_not_on_allowlist"
        paired = (message.origin.channel, message.origin.account, sender) in self.paired
        return None if paired else "dm_not_paired"

    def _group(self, message: InboundMessage, config: ChannelConfig, sender: str, *, addressed: bool) -> str | None:
        group = self._group_config(message, config)
        topic = group.topics.get(message.address.thread or "") if group else None
        server = config.groups.get(message.address.guild or "")  # a Discord server, listed with all its channels
        # The nearest rule that says something holds: the topic's, the group's, the server's, then the channel's.
        rules = [rule for rule in (topic, group, server) if rule is not None]
        policy = next((rule.policy for rule in rules if rule.policy), config.group_policy)
        members = next((rule.allow_from for rule in rules if rule.allow_from is not None), None)
        owner = sender in config.owners
        if policy == "disabled":
            return "group_disabled"
        if policy == "allowlist" and group is None and server is None and not owner and not self._is_admitted(message):
            return "group_not_on_allowlist"
        if members is not None and sender not in members and not owner:
            return "sender_not_on_allowlist"
        if _mention_needed(rules, config) and not addressed:
            return "not_mentioned"
        return None

    def _group_config(self, message: InboundMessage, config: ChannelConfig) -> GroupConfig | None:
        """The settings for the group, also for one that has moved since they were written."""
        group = config.groups.get(message.address.peer.id)
        former = None if group else self.former_id(message)
        return group if former is None else config.groups.get(former)

    def _is_admitted(self, message: InboundMessage) -> bool:
        address = message.address
        return (address.channel, address.account, address.peer.id) in self.chats.admitted


def _mention_needed(rules: Sequence[TopicConfig], config: ChannelConfig) -> bool:
    return next((rule.require_mention for rule in rules if rule.require_mention is not None), config.require_mention)
