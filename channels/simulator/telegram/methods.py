"""The Bot API's methods beside those that write: who am I, who are they, which commands, which webhook.

https://core.telegram.org/bots/api#available-methods
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from channels.simulator.telegram.posts import Posts, file_wire
from channels.simulator.telegram.state import BOT_ID, TelegramState, scope_key
from channels.simulator.telegram.updates import Updates
from channels.simulator.telegram.webhook import Webhook
from channels.simulator.telegram.wire import Params, Wire, bad_request
from channels.simulator.world import World

Handler = Callable[[Params], Any | Awaitable[Any]]

COMMAND_LIMIT: Final = 100
_COMMAND: Final = re.compile(r"[a-z0-9_]{1,32}")
_NO_GIFTS: Final = dict.fromkeys(
    ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels"), False
)


class Methods:
    """What `telegram.Bot` may call, by its name."""

    def __init__(self, world: World[TelegramState], updates: Updates, posts: Posts, webhook: Webhook) -> None:
        self._world = world
        self._state = world.state
        self._updates = updates
        self._posts = posts
        self._webhook = webhook
        self._questions: dict[str, None] = {}

    def table(self) -> Mapping[str, Handler]:
        return {
            "getMe": self.get_me,
            "getUpdates": self._updates.get,
            "sendMessage": self._posts.send_message,
            "sendDocument": self._posts.send_document,
            "sendChatAction": self._posts.chat_action,
            "editMessageText": self._posts.edit_text,
            "editMessageReplyMarkup": self._posts.edit_markup,
            "deleteMessage": self._posts.delete,
            "answerCallbackQuery": self.answer_callback_query,
            "setMyCommands": self.set_my_commands,
            "getMyCommands": self.get_my_commands,
            "deleteMyCommands": self.delete_my_commands,
            "getChat": self.get_chat,
            "getChatMember": self.get_chat_member,
            "getChatAdministrators": self.get_chat_administrators,
            "getFile": self.get_file,
            "setWebhook": self._webhook.set,
            "getWebhookInfo": self._webhook.info,
            "deleteWebhook": self._webhook.delete,
        }

    def expect_answer(self, query_id: str) -> None:
        """Let `query_id` be a button press that answerCallbackQuery may answer."""
        self._questions[query_id] = None
        if len(self._questions) > 1000:
            del self._questions[next(iter(self._questions))]

    def get_me(self, _params: Params) -> Wire:
        abilities = {
            "can_join_groups": True,
            "can_read_all_group_messages": True,
            "supports_inline_queries": False,
            "can_connect_to_business": False,
            "has_main_web_app": False,
        }
        return self._state.users[BOT_ID] | abilities

    def answer_callback_query(self, params: Params) -> bool:
        query_id = params.text("callback_query_id")
        if query_id not in self._questions:
            raise bad_request("query is too old and response timeout expired or query ID is invalid")
        del self._questions[query_id]
        self._world.tell("answered", {"text": params.text("text"), "show_alert": params.flag("show_alert")})
        return True

    def set_my_commands(self, params: Params) -> bool:
        commands = params.json("commands", list, "bot commands")
        if len(commands) > COMMAND_LIMIT:
            raise bad_request("BOT_COMMANDS_TOO_MUCH")
        self._keep_commands(params, [_check_command(command) for command in commands])
        return True

    def get_my_commands(self, params: Params) -> list[Wire]:
        return self._state.commands.get(_commands_key(params), [])

    def delete_my_commands(self, params: Params) -> bool:
        self._keep_commands(params, [])
        return True

    def _keep_commands(self, params: Params, commands: list[Wire]) -> None:
        scope, language = _commands_key(params)
        self._world.record({"t": "commands", "scope": scope, "language": language, "commands": commands})

    def get_chat(self, params: Params) -> Wire:
        chat = self._posts.find_chat(params)
        return chat.wire | {"accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": _NO_GIFTS}

    def get_chat_member(self, params: Params) -> Wire:
        chat = self._posts.find_chat(params)
        user_id = params.integer("user_id")
        if user_id not in self._state.users:
            raise bad_request("user not found")
        return self.member(user_id, chat.members.get(user_id, "left"))

    def get_chat_administrators(self, params: Params) -> list[Wire]:
        chat = self._posts.find_chat(params)
        if chat.is_private:
            raise bad_request("there are no administrators in the private chat")
        return [self.member(user, status) for user, status in chat.members.items() if status == "creator"]

    def member(self, user_id: int, status: str) -> Wire:
        """A ChatMember object (https://core.telegram.org/bots/api#chatmember)."""
        extra: Mapping[str, Wire] = {"creator": {"is_anonymous": False}, "kicked": {"until_date": 0}}
        return {"user": self._state.users[user_id], "status": status} | extra.get(status, {})

    def get_file(self, params: Params) -> Wire:
        file = self._state.files.get(params.text("file_id"))
        if file is None:
            raise bad_request("wrong file_id or the file is temporarily unavailable")
        wire = file_wire(file.id, file.name, file.media_type, file.size_bytes)
        return {
            "file_id": file.id,
            "file_unique_id": wire["file_unique_id"],
            "file_size": file.size_bytes,
            "file_path": f"documents/{file.id}",
        }


def _commands_key(params: Params) -> tuple[str, str]:
    return scope_key(params.json("scope", dict, "BotCommandScope")), params.text("language_code")


def _check_command(command: Any) -> Wire:
    if not isinstance(command, dict):
        raise bad_request("can't parse BotCommand: expected an Object")
    name, description = str(command.get("command", "")).removeprefix("/"), str(command.get("description", ""))
    if not _COMMAND.fullmatch(name):
        raise bad_request("BOT_COMMAND_INVALID")
    if not 1 <= len(description) <= 256:
        raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    return {"command": name, "description": description}
