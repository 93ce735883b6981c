"""The gate: who may speak to the bot, and why not. Pure; it denies whatever the settings do not open.

A binding never grants access: the gate looks at the channel's settings and the approved pairings alone.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from channels.config import ChannelConfig
from channels.message import InboundMessage

PairedSender = tuple[str, str, str]  # channel, account, sender


@dataclass(frozen=True, slots=True)
class Refusal:
    """Nobody is let in; `reason` is a code for `trace` and `/why`."""

    reason: str


class Gate:
    """`configs` are the channels' settings by name; `paired` is replaced whenever the approved pairings change."""

    def __init__(self, configs: Mapping[str, ChannelConfig]) -> None:
        self._configs = configs
        self.paired: AbstractSet[PairedSender] = frozenset()

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
            reason = _group(message, config, address.sender, addressed=addressed or message.mentioned)
        return None if reason is None else Refusal(reason)

    def is_owner(self, message: InboundMessage) -> bool:
        """True for a sender whom the channel's settings name as an owner."""
        return message.address.sender in self._configs[message.origin.channel].owners

    def _direct(self, message: InboundMessage, config: ChannelConfig, sender: str) -> str | None:
        if config.dm_policy == "disabled":
            return "dm_disabled"
        if config.dm_policy == "open" or sender in config.owners or sender in config.allow_from:
            return None
        if config.dm_policy == "allowlist":
            return "dm_not_on_allowlist"
        paired = (message.origin.channel, message.origin.account, sender) in self.paired
        return None if paired else "dm_not_paired"


def _group(message: InboundMessage, config: ChannelConfig, sender: str, *, addressed: bool) -> str | None:
    group = config.groups.get(message.address.peer.id)
    topic = group.topics.get(message.address.thread or "") if group else None
    # The nearest rule that says something holds: the topic's, then the group's, then the channel's.
    rules = [rule for rule in (topic, group) if rule is not None]
    policy = next((rule.policy for rule in rules if rule.policy), config.group_policy)
    members = next((rule.allow_from for rule in rules if rule.allow_from is not None), None)
    mention = next((rule.require_mention for rule in rules if rule.require_mention is not None), config.require_mention)
    owner = sender in config.owners
    if policy == "disabled":
        return "group_disabled"
    if policy == "allowlist" and group is None and not owner:
        return "group_not_on_allowlist"
    if members is not None and sender not in members and not owner:
        return "sender_not_on_allowlist"
    if mention and not addressed:
        return "not_mentioned"
    return None
