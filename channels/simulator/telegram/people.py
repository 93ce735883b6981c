"""What people do in the simulated Telegram: speak, press buttons, found groups, throw the bot out."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from channels.clock import Clock
from channels.simulator.places import UnknownPlace
from channels.simulator.telegram.entities import find_entities
from channels.simulator.telegram.methods import Methods
from channels.simulator.telegram.posts import GENERAL_TOPIC, Posts, without_reply
from channels.simulator.telegram.state import BOT_ID, Chat, TelegramState
from channels.simulator.telegram.updates import Updates
from channels.simulator.telegram.wire import Wire
from channels.simulator.world import World


@dataclass(frozen=True, slots=True)
class Line:
    """One thing to say, for `say_many`."""

    chat_id: int
    user_id: int
    text: str
    topic: int | None = None
    reply_to: int | None = None


class People:
    """Everyone but the bot."""

    def __init__(
        self, clock: Clock, world: World[TelegramState], updates: Updates, posts: Posts, methods: Methods
    ) -> None:
        self._clock = clock
        self._world = world
        self._methods = methods
        self._query_ids = itertools.count(int(clock.now().timestamp()) << 20)
        self.state = world.state
        self.updates = updates
        self.posts = posts

    def say(
        self,
        chat_id: int,
        user_id: int,
        text: str,
        *,
        topic: int | None = None,
        reply_to: int | None = None,
        entities: Sequence[Wire] | None = None,
    ) -> int:
        """Let a person write. The update's id; 0 when the bot is not there to hear it. Raises UnknownPlace.

        `entities` None: commands, mentions and addresses are found as Telegram finds them.
        """
        found = find_entities(text) if entities is None else list(entities)
        content: Wire = {"text": text} | ({"entities": found} if found else {})
        return self._write(chat_id, user_id, content, topic, reply_to)

    def say_many(self, lines: Iterable[Line]) -> list[int]:
        """`say` for each line; the updates' ids."""
        return [
            self.say(line.chat_id, line.user_id, line.text, topic=line.topic, reply_to=line.reply_to) for line in lines
        ]

    async def say_document(
        self, chat_id: int, user_id: int, name: str, data: bytes, *, media_type: str = "text/plain", caption: str = ""
    ) -> int:
        """Let a person upload a file. The update's id. Raises UnknownPlace."""
        document = await self.posts.store_file(name, media_type, data)
        content: Wire = {"document": document} | _caption(caption)
        return self._write(chat_id, user_id, content, None, None)

    async def say_photo(
        self, chat_id: int, user_id: int, data: bytes, *, caption: str = "", album: str | None = None
    ) -> int:
        """Let a person send a picture, as one of an `album` or by itself. The update's id. Raises UnknownPlace.

        One size of it is there, and its bytes stay as they are, where Telegram makes JPEGs of several sizes.
        """
        file = await self.posts.store_file("photo.jpg", "image/jpeg", data)
        kept = {name: file[name] for name in ("file_id", "file_unique_id", "file_size")}
        content: Wire = {"photo": [kept | {"width": 800, "height": 600}]} | _caption(caption)
        if album is not None:
            content["media_group_id"] = album
        return self._write(chat_id, user_id, content, None, None)

    def edit(self, chat_id: int, message_id: int, text: str) -> int:
        """Let the author of a message change it. The update's id. Raises UnknownPlace."""
        message = self._message(self._chat(chat_id), message_id)
        edited = message | {"text": text, "edit_date": int(self._clock.now().timestamp())}
        edited.pop("entities", None)
        if found := find_entities(text):
            edited["entities"] = found
        self._world.record({"t": "message", "message": edited})
        self._world.tell("edited", edited)
        return self.updates.push("edited_message", edited) or 0

    def press(self, chat_id: int, message_id: int, callback_data: str, user_id: int) -> int:
        """Let a person press the button that carries `callback_data`. The update's id. Raises UnknownPlace."""
        message = self._message(self._chat(chat_id), message_id)
        rows = message.get("reply_markup", {}).get("inline_keyboard", [])
        if not any(button.get("callback_data") == callback_data for row in rows for button in row):
            raise UnknownPlace(f"message {message_id} has no button {callback_data!r}")
        query_id = str(next(self._query_ids))
        self._methods.expect_answer(query_id)
        query = {
            "id": query_id,
            "from": self._user(user_id),
            "message": message,
            "chat_instance": str(chat_id),
            "data": callback_data,
        }
        return self.updates.push("callback_query", query) or 0

    def inject(self, update: Wire) -> int:
        """Queue an update as it is, however broken; an `update_id` is added where there is none. Its id."""
        update_id = int(update.setdefault("update_id", self.state.next_update_id))
        self.updates.push_raw(update)
        return update_id

    def add_user(self, user_id: int, first_name: str, language_code: str = "zh-hant", *, is_bot: bool = False) -> None:
        """Add or rename a person, and give them a direct chat with the bot."""
        user = {"id": user_id, "is_bot": is_bot, "first_name": first_name, "language_code": language_code}
        self._world.record({"t": "user", "user": user})
        if user_id not in self.state.chats:
            wire = {"id": user_id, "type": "private", "first_name": first_name}
            self._world.record({"t": "chat", "chat": wire, "members": {str(user_id): "member", str(BOT_ID): "member"}})

    def add_group(self, chat_id: int, title: str, user_ids: Iterable[int], *, kind: str = "supergroup") -> None:
        """Add a chat; the first of `user_ids` owns it. `kind`: group, supergroup, or forum for one with topics."""
        wire: Wire = {"id": chat_id, "type": "group" if kind == "group" else "supergroup", "title": title}
        if kind == "forum":
            wire["is_forum"] = True
        members = {str(user): "member" for user in user_ids}
        members |= dict.fromkeys(list(members)[:1], "creator")
        members[str(BOT_ID)] = "member"
        last = GENERAL_TOPIC if kind == "forum" else 0
        self._world.record({"t": "chat", "chat": wire, "members": members, "last": last})

    def add_topic(self, chat_id: int, name: str) -> int:
        """Open a topic in a forum; its thread id."""
        thread = self._chat(chat_id).last_message_id + 1
        self._world.record({"t": "topic", "chat": chat_id, "thread": thread, "name": name})
        return thread

    def set_bot_status(self, chat_id: int, user_id: int, status: str) -> int:
        """Let a person add (`member`), remove (`left`), ban or block (`kicked`) the bot. The update's id."""
        chat = self._chat(chat_id)
        before = chat.members.get(BOT_ID, "left")
        self._world.record({"t": "status", "chat": chat_id, "user": BOT_ID, "status": status})
        change = {
            "chat": chat.wire,
            "from": self._user(user_id),
            "date": int(self._clock.now().timestamp()),
            "old_chat_member": self._methods.member(BOT_ID, before),
            "new_chat_member": self._methods.member(BOT_ID, status),
        }
        return self.updates.push("my_chat_member", change) or 0

    def migrate(self, chat_id: int, user_id: int) -> int:
        """Turn a group into a supergroup, as Telegram does when it grows; the new chat's id."""
        chat = self._chat(chat_id)
        new_id = -1_002_000_000_000 + chat_id
        members = {str(user): status for user, status in chat.members.items()}
        wire: Wire = {"id": new_id, "type": "supergroup", "title": chat.wire["title"]}
        self._world.record({"t": "chat", "chat": wire, "members": members})
        self._write(chat_id, user_id, {"migrate_to_chat_id": new_id}, None, None)
        self._world.record({"t": "migrated", "chat": chat_id, "to": new_id})
        self._write(new_id, user_id, {"migrate_from_chat_id": chat_id}, None, None)
        return new_id

    def _write(self, chat_id: int, user_id: int, content: Wire, topic: int | None, reply_to: int | None) -> int:
        chat = self._chat(chat_id)
        message: Wire = {
            "message_id": chat.last_message_id + 1,
            "from": self._user(user_id),
            "chat": chat.wire,
            "date": int(self._clock.now().timestamp()),
        }
        if topic is not None:
            if topic not in chat.topics:
                raise UnknownPlace(f"no topic {topic} in chat {chat_id}")
            message |= {"message_thread_id": topic, "is_topic_message": True}
        if reply_to is not None:
            message["reply_to_message"] = without_reply(self._message(chat, reply_to))
        message |= content
        self._world.record({"t": "message", "message": message})
        self._world.tell("message", message)
        if chat.members.get(BOT_ID, "left") in {"left", "kicked"}:
            return 0
        return self.updates.push("message", message) or 0

    def _chat(self, chat_id: int) -> Chat:
        if chat_id not in self.state.chats:
            raise UnknownPlace(f"no chat {chat_id}")
        return self.state.chats[chat_id]

    def _user(self, user_id: int) -> Wire:
        if user_id not in self.state.users:
            raise UnknownPlace(f"no user {user_id}")
        return self.state.users[user_id]

    def _message(self, chat: Chat, message_id: int) -> Wire:
        if message_id not in chat.messages:
            raise UnknownPlace(f"no message {message_id} in chat {chat.id}")
        return chat.messages[message_id]


def _caption(text: str) -> Wire:
    found = find_entities(text)
    return ({"caption": text} if text else {}) | ({"caption_entities": found} if found else {})
