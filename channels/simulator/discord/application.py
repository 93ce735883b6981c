"""REST for who the bot is, and for the commands it offers.

https://discord.com/developers/docs/interactions/application-commands
"""

import re
from typing import Any, Final

from channels.simulator.discord.snowflakes import Snowflakes
from channels.simulator.discord.state import BOT_ID, DiscordState
from channels.simulator.discord.wire import MISSING_ACCESS, Request, RestError, Wire, invalid
from channels.simulator.world import World

MOST_COMMANDS: Final = 100
DESCRIPTION_LENGTH: Final = 100
MOST_OPTIONS: Final = 25
CHAT_INPUT, USER, MESSAGE = 1, 2, 3
GUILD_MEMBERS_LIMITED: Final = 1 << 15
MESSAGE_CONTENT_LIMITED: Final = 1 << 19
_LOCALES: Final = (
    "id da de en-GB en-US es-ES es-419 fr hr it lt hu nl no pl pt-BR ro fi sv-SE vi tr cs el bg ru uk hi th zh-CN ja "
    "zh-TW ko"
)
LOCALES: Final = frozenset(_LOCALES.split())
_NAME: Final = re.compile(r"[-_'\w\u0900-\u097f\u0e00-\u0e7f]{1,32}")


class Application:
    """The bot's own affairs."""

    def __init__(self, world: World[DiscordState], ids: Snowflakes) -> None:
        self._world = world
        self._state = world.state
        self._ids = ids

    @property
    def flags(self) -> int:
        return GUILD_MEMBERS_LIMITED | (MESSAGE_CONTENT_LIMITED if self._state.message_content else 0)

    def get_me(self, _request: Request) -> Wire:
        return self._state.users[BOT_ID] | {"verified": True, "email": None, "mfa_enabled": True, "flags": 0}

    def get_application(self, _request: Request) -> Wire:
        owner = next(user for user_id, user in self._state.users.items() if user_id != BOT_ID)
        return {
            "id": BOT_ID,
            "name": self._state.users[BOT_ID]["username"],
            "icon": None,
            "description": "",
            "summary": "",
            "type": None,
            "bot": self._state.users[BOT_ID],
            "bot_public": True,
            "bot_require_code_grant": False,
            "verify_key": "0" * 64,
            "flags": self.flags,
            "owner": owner,
            "team": None,
            "interactions_endpoint_url": None,
            "approximate_guild_count": len(self._state.guilds),
        }

    def get_commands(self, request: Request) -> list[Wire]:
        return self._state.commands.get(self._scope(request), [])

    def put_commands(self, request: Request) -> list[Wire]:
        """Replace them all. A command that keeps its name keeps its id."""
        scope = self._scope(request)
        if not isinstance(request.body, list):
            raise invalid("_", "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
        if len(request.body) > MOST_COMMANDS:
            raise RestError(400, 30032, f"Maximum number of application commands reached ({MOST_COMMANDS})")
        known = {(each["type"], each["name"]): each["id"] for each in self._state.commands.get(scope, [])}
        commands = [self._command(str(number), each, scope, known) for number, each in enumerate(request.body)]
        names = [(each["type"], each["name"]) for each in commands]
        if len(set(names)) < len(names):
            raise RestError(400, 50035, "Application command names must be unique")
        self._world.record({"t": "commands", "scope": scope, "commands": commands})
        self._world.tell("commands", {"guild_id": scope})
        return commands

    def _scope(self, request: Request) -> str:
        if request.path["application"] != BOT_ID:
            raise RestError(403, MISSING_ACCESS, "Missing Access")
        guild = request.path.get("guild", "")
        if guild and guild not in self._state.guilds:
            raise RestError(403, MISSING_ACCESS, "Missing Access")
        return guild

    def _command(self, path: str, command: Any, scope: str, known: dict[tuple[int, str], str]) -> Wire:
        if not isinstance(command, dict):
            raise invalid(path, "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType")
        kind = command.get("type", CHAT_INPUT)
        _check_named(path, command, described=kind == CHAT_INPUT)
        options = command.get("options") or []
        _check_options(f"{path}.options", options)
        made = command | {"type": kind, "options": options, "application_id": BOT_ID, "version": self._ids.next()}
        made |= {"guild_id": scope} if scope else {}
        made.setdefault("default_member_permissions", None)
        made.setdefault("dm_permission", True)
        made.setdefault("nsfw", False)
        return made | {"id": known.get((kind, command["name"])) or self._ids.next()}


def _check_options(path: str, options: Any) -> None:
    if not isinstance(options, list) or len(options) > MOST_OPTIONS:
        raise invalid(path, "BASE_TYPE_BAD_LENGTH", f"Must be {MOST_OPTIONS} or fewer in length.")
    optional_before = False
    for number, option in enumerate(options):
        here = f"{path}.{number}"
        if not isinstance(option, dict) or option.get("type") not in range(1, 12):
            raise invalid(f"{here}.type", "BASE_TYPE_CHOICES", "Value must be one of (1 … 11).")
        _check_named(here, option, described=True)
        if option.get("required") and optional_before:
            words = "Required options must be placed before non-required options"
            raise invalid(here, "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", words)
        if option.get("autocomplete") and option.get("choices"):
            raise invalid(here, "APPLICATION_COMMAND_OPTIONS_CHOICES_AUTOCOMPLETE", "Choices exclude autocomplete")
        optional_before |= not option.get("required")
        _check_options(f"{here}.options", option.get("options") or [])


def _check_named(path: str, thing: Wire, *, described: bool) -> None:
    name = thing.get("name")
    if described and (not isinstance(name, str) or not _NAME.fullmatch(name) or name != name.lower()):
        raise invalid(f"{path}.name", "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")
    if not isinstance(name, str) or not 1 <= len(name) <= 32:
        raise invalid(f"{path}.name", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 32 in length.")
    description = thing.get("description", "")
    if described and (not isinstance(description, str) or not 1 <= len(description) <= DESCRIPTION_LENGTH):
        words = f"Must be between 1 and {DESCRIPTION_LENGTH} in length."
        raise invalid(f"{path}.description", "BASE_TYPE_BAD_LENGTH", words)
    for field in ("name_localizations", "description_localizations"):
        for locale in thing.get(field) or {}:
            if locale not in LOCALES:
                raise invalid(f"{path}.{field}", "DICT_TYPE_KEY_COERCE", f"{locale!r} is no locale of Discord.")
