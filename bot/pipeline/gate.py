"""The gate: who may speak to the bot, and why not. It denies whatever the settings do not open.

A binding never grants access: the gate looks at the channel's settings and the approved pairings alone. All that it
remembers is how many bots have spoken in a row, because two bots that answer each other would never end.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Final

from bot.chats import KnownChats
from bot.pipeline.attachments import FileLimits
from bot.reasons import Reason
from channels.config import ChannelConfig, GroupConfig, TopicConfig
from channels.message import Destination, InboundMessage

BOTS_IN_A_ROW: Final = 3
MOST_CHATS: Final = 10_000  # in which bots have spoken last; the newest

PairedSender = tuple[str, str, str]  # channel, account, sender


@dataclass(frozen=True, slots=True)
class Refusal:
    """Nobody is let in, and why not."""

    reason: Reason


class Gate:
    """`configs` are the channels' settings by name; `paired` and `chats` are replaced whenever they change."""

    def __init__(self, configs: Mapping[str, ChannelConfig]) -> None:
        self._configs = configs
        self.paired: AbstractSet[PairedSender] = frozenset()
        self.chats = KnownChats()
        self._bots_in_a_row: dict[Destination, int] = {}

    def refusal(self, message: InboundMessage, *, addressed: bool) -> Refusal | None:
        """None lets the message in. `addressed`: it is a command or opens with `Kimi:`, which counts as a mention."""
        config = self._configs[message.origin.channel]  # where it came in, whoever it speaks for
        address = message.address
        if address.sender is None:
            return Refusal(Reason.NO_SENDER)
        if message.sender_is_bot and not config.answer_bots:
            return Refusal(Reason.FROM_A_BOT)
        reason = self._of_sender(message, config, address.sender, addressed=addressed or message.mentioned)
        if reason is None and self._talks_in_circles(message):
            reason = Reason.BOTS_IN_A_ROW
        return None if reason is None else Refusal(reason)

    def with_quoted(self, message: InboundMessage) -> InboundMessage:
        """The message with the files of the one that it answers, where whoever sent those might speak here too."""
        quoted, config = message.quoted, self._configs[message.origin.channel]
        if quoted is None or quoted.sender is None or (quoted.sender_is_bot and not config.answer_bots):
            return message
        if self._of_sender(message, config, quoted.sender, addressed=True) is not None:
            return message
        return replace(message, attachments=(*message.attachments, *quoted.attachments), quoted=None)

    def _talks_in_circles(self, message: InboundMessage) -> bool:
        """True for a bot where only bots were let in for a while; a person's word ends that."""
        spoken = self._bots_in_a_row.pop(message.origin, 0)
        if not message.sender_is_bot:
            return False
        self._bots_in_a_row[message.origin] = min(spoken + 1, BOTS_IN_A_ROW + 1)
        if len(self._bots_in_a_row) > MOST_CHATS:
            del self._bots_in_a_row[next(iter(self._bots_in_a_row))]
        return spoken >= BOTS_IN_A_ROW

    def is_owner(self, channel: str, sender: str | None) -> bool:
        """True for a sender whom the channel's settings name as an owner."""
        config = self._configs.get(channel)
        return config is not None and sender in config.owners

    def file_limits(self, channel: str) -> FileLimits:
        """How much of each file the channel's settings let an agent read."""
        config = self._configs[channel]
        return FileLimits(config.document_bytes, config.image_bytes)

    def former_id(self, message: InboundMessage) -> str | None:
        """The id that the message's chat had before it moved."""
        address = message.address
        return self.chats.moved_from.get((address.channel, address.account, address.peer.id))

    def _of_sender(
        self, message: InboundMessage, config: ChannelConfig, sender: str, *, addressed: bool
    ) -> Reason | None:
        if message.address.peer.kind == "direct":
            return self._direct(message, config, sender)
        return self._group(message, config, sender, addressed=addressed)

    def _direct(self, message: InboundMessage, config: ChannelConfig, sender: str) -> Reason | None:
        if config.dm_policy == "disabled":
            return Reason.DM_DISABLED
        if config.dm_policy == "open" or sender in config.owners or sender in config.allow_from:
            return None
        if config.dm_policy == "allowlist":
            return Reason.DM_NOT_ON_ALLOWLIST
        paired = (message.origin.channel, message.origin.account, sender) in self.paired
        return None if paired else Reason.DM_NOT_PAIRED

    def _group(self, message: InboundMessage, config: ChannelConfig, sender: str, *, addressed: bool) -> Reason | None:
        group = self._group_config(message, config)
        topic = group.topics.get(message.address.thread or "") if group else None
        server = config.groups.get(message.address.guild or "")  # a Discord server, listed with all its channels
        # The nearest rule that says something holds: the topic's, the group's, the server's, then the channel's.
        rules = [rule for rule in (topic, group, server) if rule is not None]
        policy = next((rule.policy for rule in rules if rule.policy), config.group_policy)
        members = next((rule.allow_from for rule in rules if rule.allow_from is not None), None)
        owner = sender in config.owners
        if policy == "disabled":
            return Reason.GROUP_DISABLED
        if policy == "allowlist" and group is None and server is None and not owner and not self._is_admitted(message):
            return Reason.GROUP_NOT_ON_ALLOWLIST
        if members is not None and sender not in members and not owner:
            return Reason.SENDER_NOT_ON_ALLOWLIST
        if _mention_needed(rules, config) and not addressed:
            return Reason.NOT_MENTIONED
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
