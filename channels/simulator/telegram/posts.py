"""The Bot API's methods that write into a chat: checked in the order and refused in the words of the real ones.

https://core.telegram.org/bots/api#available-methods
"""

import math
import secrets
from typing import Any, Final

from channels.clock import Clock
from channels.simulator.files import FileStore
from channels.simulator.telegram.entities import (
    CAPTION_UTF16_UNITS,
    TEXT_UTF16_UNITS,
    check_entities,
    find_entities,
    trim,
    utf16_length,
)
from channels.simulator.telegram.state import BOT_ID, Chat, TelegramState
from channels.simulator.telegram.wire import ApiError, Params, Wire, bad_request, too_many_requests
from channels.simulator.world import World

CALLBACK_DATA_BYTES: Final = 64
GENERAL_TOPIC: Final = 1
SECONDS_PER_MESSAGE: Final = 1.0  # https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
_NOT_MODIFIED: Final = (
    "message is not modified: specified new message content and reply markup are exactly the same as a current "
    "content and reply markup of the message"
)
_CHAT_ACTIONS: Final = frozenset(
    {
        "typing", "upload_photo", "record_video", "upload_video", "record_voice", "upload_voice", "upload_document",
        "choose_sticker", "find_location", "record_video_note", "upload_video_note",
    }
)  # fmt: skip


class Posts:
    """sendMessage and its kin."""

    def __init__(self, clock: Clock, world: World[TelegramState], files: FileStore) -> None:
        self._clock = clock
        self._world = world
        self._state = world.state
        self._files = files
        self._last_sent: dict[int, float] = {}
        self.limits_on = False

    def send_message(self, params: Params) -> Wire:
        chat = self._writable(params)
        text, entities = _read_text(params, "text", "entities", TEXT_UTF16_UNITS)
        if not text:
            raise bad_request("message text is empty")
        return self._send(chat, params, {"text": text} | ({"entities": entities} if entities else {}))

    async def send_document(self, params: Params) -> Wire:
        chat = self._writable(params)
        caption, entities = _read_text(params, "caption", "caption_entities", CAPTION_UTF16_UNITS)
        content: Wire = {"document": await self._document(params)}
        if caption:
            content |= {"caption": caption} | ({"caption_entities": entities} if entities else {})
        return self._send(chat, params, content)

    def edit_text(self, params: Params) -> Wire:
        message = self._own_message(params, "edit")
        text, entities = _read_text(params, "text", "entities", TEXT_UTF16_UNITS)
        if not text:
            raise bad_request("message text is empty")
        if "text" not in message:
            raise bad_request("there is no text in the message to edit")
        return self._replace(message, {"text": text, "entities": entities, "reply_markup": _read_keyboard(params)})

    def edit_markup(self, params: Params) -> Wire:
        message = self._own_message(params, "edit")
        return self._replace(message, {"reply_markup": _read_keyboard(params)})

    def delete(self, params: Params) -> bool:
        chat = self._writable(params)
        message = chat.messages.get(params.integer("message_id"))
        if message is None:
            raise bad_request("message to delete not found")
        if message["from"]["id"] != BOT_ID and not chat.is_private:
            raise bad_request("message can't be deleted")
        self._world.record({"t": "deleted", "chat": chat.id, "message": message["message_id"]})
        self._world.tell("deleted", {"chat_id": chat.id, "message_id": message["message_id"]})
        return True

    def chat_action(self, params: Params) -> bool:
        chat = self._writable(params)
        action = params.text("action").lower()
        if action not in _CHAT_ACTIONS:
            raise bad_request("wrong parameter action in request")
        event: Wire = {"chat_id": chat.id, "action": action}
        if params.has("message_thread_id"):
            event["message_thread_id"] = params.integer("message_thread_id")
        self._world.tell("typing", event)
        return True

    def find_chat(self, params: Params) -> Chat:
        """The chat that `chat_id` names, whoever may write there. Raises ApiError."""
        if not params.has("chat_id"):
            raise bad_request("chat_id is empty")
        chat = self._state.chats.get(params.integer("chat_id"))
        if chat is None:
            raise bad_request("chat not found")
        return chat

    def _writable(self, params: Params) -> Chat:
        chat = self.find_chat(params)
        if chat.migrated_to is not None:
            words = "group chat was upgraded to a supergroup chat"
            raise bad_request(words, migrate_to_chat_id=chat.migrated_to)
        if chat.members.get(BOT_ID, "left") in {"left", "kicked"}:
            raise _shut_out(chat)
        return chat

    def _send(self, chat: Chat, params: Params, content: Wire) -> Wire:
        reply = self._reply_target(chat, params)
        thread = _thread(chat, params, reply)
        keyboard = _read_keyboard(params)
        self._charge(chat)
        message: Wire = {
            "message_id": chat.last_message_id + 1,
            "from": self._state.users[BOT_ID],
            "chat": chat.wire,
            "date": int(self._clock.now().timestamp()),
        }
        if thread is not None:
            message |= {"message_thread_id": thread, "is_topic_message": True}
        if reply is not None:
            message["reply_to_message"] = without_reply(reply)
        message |= content
        if keyboard:
            message["reply_markup"] = keyboard
        self._world.record({"t": "message", "message": message})
        self._world.tell("message", message)
        return message

    def _charge(self, chat: Chat) -> None:
        """Refuse a second message to one chat within a second, when limits are on."""
        if not self.limits_on:
            return
        now = self._clock.monotonic()
        wait = self._last_sent.get(chat.id, -SECONDS_PER_MESSAGE) + SECONDS_PER_MESSAGE - now
        if wait > 0:
            raise too_many_requests(math.ceil(wait))
        self._last_sent[chat.id] = now

    def _replace(self, message: Wire, change: Wire) -> Wire:
        edited = {name: value for name, value in (message | change).items() if value}
        if edited == message:
            raise bad_request(_NOT_MODIFIED)
        edited["edit_date"] = int(self._clock.now().timestamp())
        self._world.record({"t": "message", "message": edited})
        self._world.tell("edited", edited)
        return edited

    def _own_message(self, params: Params, verb: str) -> Wire:
        chat = self._writable(params)
        message = chat.messages.get(params.integer("message_id"))
        if message is None:
            raise bad_request(f"message to {verb} not found")
        if message["from"]["id"] != BOT_ID:
            raise bad_request(f"message can't be {verb}ed")
        return message

    def _reply_target(self, chat: Chat, params: Params) -> Wire | None:
        reply = params.json("reply_parameters", dict, "reply parameters")
        message_id = reply.get("message_id") or params.integer("reply_to_message_id")
        if not message_id:
            return None
        target = chat.messages.get(message_id) if reply.get("chat_id", chat.id) == chat.id else None
        lenient = reply.get("allow_sending_without_reply") or params.flag("allow_sending_without_reply")
        if target is None and not lenient:
            raise bad_request("message to be replied not found")
        return target

    async def _document(self, params: Params) -> Wire:
        name = params.text("document").removeprefix("attach://")
        upload = params.uploads.get(name or "document")
        if upload is None:
            known = self._state.files.get(name)
            if known is None:
                raise bad_request("there is no document in the request")
            return file_wire(known.id, known.name, known.media_type, known.size_bytes)
        if not upload.data:
            raise bad_request("file must be non-empty")
        return await self.store_file(upload.name, upload.media_type, upload.data)

    async def store_file(self, name: str, media_type: str, data: bytes) -> Wire:
        """Keep a file; the Document object that stands for it."""
        file_id = f"file-{secrets.token_urlsafe(12)}"
        await self._files.put(file_id, data)
        self._world.record({"t": "file", "id": file_id, "name": name, "type": media_type, "size": len(data)})
        return file_wire(file_id, name, media_type, len(data))


def file_wire(file_id: str, name: str, media_type: str, size_bytes: int) -> Wire:
    """A Document object (https://core.telegram.org/bots/api#document)."""
    return {
        "file_name": name,
        "mime_type": media_type,
        "file_id": file_id,
        "file_unique_id": file_id[-12:],
        "file_size": size_bytes,
    }


def without_reply(message: Wire) -> Wire:
    """A replied-to message carries no further reply, whatever it answers itself."""
    return {name: value for name, value in message.items() if name != "reply_to_message"}


def _shut_out(chat: Chat) -> ApiError:
    if chat.is_private:
        return ApiError(403, "Forbidden: bot was blocked by the user")
    kind = "supergroup" if chat.wire["type"] == "supergroup" else "group"
    if chat.members.get(BOT_ID) == "kicked":
        return ApiError(403, f"Forbidden: bot was kicked from the {kind} chat")
    return ApiError(403, f"Forbidden: bot is not a member of the {kind} chat")


def _thread(chat: Chat, params: Params, reply: Wire | None) -> int | None:
    """The topic that a message goes to, None for the chat itself. Raises ApiError.

    General is topic 1, yet naming it on sending is refused (https://github.com/tdlib/telegram-bot-api/issues/447).
    """
    thread = params.integer("message_thread_id")
    if thread:
        if thread == GENERAL_TOPIC or thread not in chat.topics:
            raise bad_request("message thread not found")
        return thread
    if reply is not None and reply.get("is_topic_message"):
        return int(reply["message_thread_id"])
    return None


def _read_text(params: Params, name: str, entities_name: str, limit: int) -> tuple[str, list[Wire]]:
    """Text and entities, trimmed. Raises ApiError when it is too long or the entities do not fit."""
    if params.text("parse_mode"):
        raise bad_request("unsupported parse_mode (the simulator takes entities only)")
    text = params.text(name)
    entities = check_entities(text, params.json(entities_name, list, "entities")) if params.has(entities_name) else []
    text, entities = trim(text, entities)
    if len(text) > limit // 2 and utf16_length(text) > limit:
        raise bad_request("message is too long" if name == "text" else "message caption is too long")
    return text, find_entities(text, entities)


def _read_keyboard(params: Params) -> Wire | None:
    """The inline keyboard, None for no keyboard or one that stays with the user's client."""
    if not params.has("reply_markup"):
        return None
    markup = params.json("reply_markup", dict, "reply keyboard markup")
    rows = markup.get("inline_keyboard")
    if rows is None:
        return None
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad_request('can\'t parse inline keyboard: Field "inline_keyboard" must be an Array of Arrays')
    keyboard = [[_check_button(button) for button in row] for row in rows if row]
    return {"inline_keyboard": keyboard} if keyboard else None


def _check_button(button: Any) -> Wire:
    if not isinstance(button, dict) or not isinstance(button.get("text"), str):
        raise bad_request("can't parse inline keyboard button: Can't find field \"text\"")
    if not button["text"]:
        raise bad_request("can't parse inline keyboard button: button text must be non-empty")
    if len(button) == 1:
        raise bad_request("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
    data = button.get("callback_data")
    if data is not None and not 1 <= len(str(data).encode("utf-8", "surrogatepass")) <= CALLBACK_DATA_BYTES:
        raise bad_request("BUTTON_DATA_INVALID")
    return button
