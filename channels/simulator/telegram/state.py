"""What the simulated Telegram remembers: people, chats, messages, commands and updates not yet confirmed.

Every change is one record. Applying the same records in the same order gives the same state, which is how it
survives a restart.
"""

import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from channels.simulator.journal import Record
from channels.simulator.telegram.wire import Wire

KEPT_MESSAGES: Final = 2000  # a chat's messages that outlive a restart
FIRST_UPDATE_ID: Final = 700_000_001
BOT_ID: Final = 7_100_000_001  # ids of people and bots have long outgrown 32 bits
DEFAULT_UPDATES: Final = frozenset(
    {"message", "edited_message", "channel_post", "edited_channel_post", "callback_query", "my_chat_member"}
)  # what getUpdates gives when nobody ever named `allowed_updates`, of the kinds that are simulated


@dataclass(slots=True)
class Chat:
    """One chat. `wire` is the Chat object as messages carry it; `members` maps user ids to their status."""

    wire: Wire
    members: dict[int, str] = field(default_factory=dict)
    topics: dict[int, str] = field(default_factory=dict)
    messages: dict[int, Wire] = field(default_factory=dict)
    last_message_id: int = 0
    migrated_to: int | None = None

    @property
    def id(self) -> int:
        return int(self.wire["id"])

    @property
    def is_private(self) -> bool:
        return bool(self.wire["type"] == "private")

    @property
    def is_forum(self) -> bool:
        return bool(self.wire.get("is_forum"))


@dataclass(frozen=True, slots=True)
class File:
    """A file that somebody uploaded. `size_bytes` counts its content, which the file store holds under `id`."""

    id: str
    name: str
    media_type: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class PendingUpdate:
    """An update that nobody has confirmed yet; `queued_at` in unix seconds.

    `epoch` grows whenever the ids start anew lower, as they do after a week of silence
    (https://core.telegram.org/bots/api#update).
    """

    wire: Wire
    queued_at: float
    epoch: int

    @property
    def id(self) -> int:
        return int(self.wire["update_id"])


class TelegramState:
    """Read by everyone, changed by `apply` alone."""

    def __init__(self) -> None:
        self.users: dict[int, Wire] = {}
        self.chats: dict[int, Chat] = {}
        self.files: dict[str, File] = {}
        self.commands: dict[tuple[str, str], list[Wire]] = {}
        self.pending: deque[PendingUpdate] = deque()
        self.next_update_id = FIRST_UPDATE_ID
        self.epoch = 0
        self.allowed_updates = DEFAULT_UPDATES
        self.by_bot: dict[tuple[int, int], None] = {}  # (chat, message), in the order of sending
        self._appliers: Mapping[str, Callable[[Record], None]] = {
            "message": self._message,
            "update": self._update,
            "confirmed": self._confirmed,
            "deleted": self._deleted,
            "user": self._user,
            "chat": self._chat,
            "topic": self._topic,
            "status": self._status,
            "migrated": self._migrated,
            "commands": self._commands,
            "allowed": self._allowed,
            "file": self._file,
            "order": self._order,
        }

    def apply(self, record: Record) -> None:
        self._appliers[record["t"]](record)

    def snapshot(self) -> Iterator[Record]:
        """The shortest records that lead to this state; of long chats only the end is kept."""
        for user in self.users.values():
            yield {"t": "user", "user": user}
        for file in self.files.values():
            yield {"t": "file", "id": file.id, "name": file.name, "type": file.media_type, "size": file.size_bytes}
        for chat in self.chats.values():
            yield from _chat_records(chat)
        for (scope, language), commands in self.commands.items():
            yield {"t": "commands", "scope": scope, "language": language, "commands": commands}
        yield {"t": "allowed", "types": sorted(self.allowed_updates)}
        if self.pending:
            yield {"t": "order", "next_update_id": self.pending[0].id, "by_bot": [*self.by_bot]}
        for update in self.pending:
            yield {"t": "update", "update": update.wire, "at": update.queued_at}
        yield {"t": "order", "next_update_id": self.next_update_id, "by_bot": [*self.by_bot]}

    def menu(self, chat: Chat, user_id: int) -> list[Wire]:
        """The commands that this person sees in this chat.

        https://core.telegram.org/bots/api#determining-list-of-commands
        """
        language = str(self.users.get(user_id, {}).get("language_code", "")).split("-")[0]
        kind = "all_private_chats" if chat.is_private else "all_group_chats"
        for scope in ({"type": "chat", "chat_id": chat.id}, {"type": kind}, {"type": "default"}):
            for code in (language, ""):
                if commands := self.commands.get((scope_key(scope), code)):
                    return commands
        return []

    def _message(self, record: Record) -> None:
        message = record["message"]
        chat = self.chats[message["chat"]["id"]]
        chat.messages[message["message_id"]] = message
        chat.last_message_id = max(chat.last_message_id, message["message_id"])
        if message.get("from", {}).get("id") == BOT_ID:
            self.by_bot[chat.id, message["message_id"]] = None

    def _deleted(self, record: Record) -> None:
        self.chats[record["chat"]].messages.pop(record["message"], None)
        self.by_bot.pop((record["chat"], record["message"]), None)

    def _update(self, record: Record) -> None:
        wire = record["update"]
        self.epoch += wire["update_id"] < self.next_update_id
        self.pending.append(PendingUpdate(wire, record["at"], self.epoch))
        self.next_update_id = wire["update_id"] + 1

    def _confirmed(self, record: Record) -> None:
        for _ in range(record["count"]):
            self.pending.popleft()

    def _user(self, record: Record) -> None:
        self.users[record["user"]["id"]] = record["user"]

    def _chat(self, record: Record) -> None:
        wire = record["chat"]
        members = {int(user): status for user, status in record["members"].items()}
        topics = {int(thread): name for thread, name in record.get("topics", {}).items()}
        self.chats[wire["id"]] = Chat(wire, members, topics, last_message_id=record.get("last", 0))

    def _topic(self, record: Record) -> None:
        chat = self.chats[record["chat"]]
        chat.topics[record["thread"]] = record["name"]
        chat.last_message_id = max(chat.last_message_id, record["thread"])

    def _status(self, record: Record) -> None:
        self.chats[record["chat"]].members[record["user"]] = record["status"]

    def _migrated(self, record: Record) -> None:
        self.chats[record["chat"]].migrated_to = record["to"]

    def _commands(self, record: Record) -> None:
        key = (record["scope"], record["language"])
        if record["commands"]:
            self.commands[key] = record["commands"]
        else:
            self.commands.pop(key, None)

    def _allowed(self, record: Record) -> None:
        self.allowed_updates = frozenset(record["types"])

    def _file(self, record: Record) -> None:
        self.files[record["id"]] = File(record["id"], record["name"], record["type"], record["size"])

    def _order(self, record: Record) -> None:
        self.next_update_id = record["next_update_id"]
        self.by_bot = {(chat, message): None for chat, message in record["by_bot"] if (chat, message) in self.by_bot}


def scope_key(scope: Wire) -> str:
    """One spelling for one BotCommandScope."""
    return json.dumps(scope or {"type": "default"}, sort_keys=True)


def _chat_records(chat: Chat) -> Iterator[Record]:
    members = {str(user): status for user, status in chat.members.items()}
    topics = {str(thread): name for thread, name in chat.topics.items()}
    yield {"t": "chat", "chat": chat.wire, "members": members, "topics": topics, "last": chat.last_message_id}
    if chat.migrated_to is not None:
        yield {"t": "migrated", "chat": chat.id, "to": chat.migrated_to}
    for message in islice(chat.messages.values(), max(0, len(chat.messages) - KEPT_MESSAGES), None):
        yield {"t": "message", "message": message}
