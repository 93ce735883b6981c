"""REST for channels, threads, servers, members and direct chats.

https://discord.com/developers/docs/resources/channel
"""

from typing import Any, Final

from channels.clock import Clock
from channels.simulator.discord.access import Access
from channels.simulator.discord.messages import Messages
from channels.simulator.discord.permissions import CREATE_PUBLIC_THREADS
from channels.simulator.discord.posts import Posts
from channels.simulator.discord.snowflakes import Snowflakes
from channels.simulator.discord.state import (
    BOT_ID,
    DIRECT,
    FORUM,
    PUBLIC_THREAD,
    TEXT,
    DiscordState,
    Guild,
    Place,
)
from channels.simulator.discord.wire import (
    BAD_RECIPIENT,
    NOT_A_TEXT_CHANNEL,
    THREAD_EXISTS,
    UNKNOWN_MEMBER,
    UNKNOWN_USER,
    Request,
    RestError,
    Wire,
    invalid,
    not_found,
)
from channels.simulator.world import World

NAME_LENGTH: Final = 100
ARCHIVE_MINUTES: Final = 1440


class Places:
    """Where people and bots meet."""

    def __init__(
        self,
        clock: Clock,
        world: World[DiscordState],
        access: Access,
        posts: Posts,
        messages: Messages,
        ids: Snowflakes,
    ) -> None:
        self._clock = clock
        self._world = world
        self._state = world.state
        self._access = access
        self._posts = posts
        self._messages = messages
        self._ids = ids

    def get_channel(self, request: Request) -> Wire:
        return self._access.seen(request.path["channel"]).wire

    def get_guild(self, request: Request) -> Wire:
        return guild_wire(self._access.guild(request.path["guild"]))

    def get_channels(self, request: Request) -> list[Wire]:
        guild = self._access.guild(request.path["guild"])
        return [place.wire for place in places_of(self._state, guild) if not place.is_thread]

    def get_threads(self, request: Request) -> Wire:
        guild = self._access.guild(request.path["guild"])
        return {"threads": [place.wire for place in places_of(self._state, guild) if place.is_thread], "members": []}

    def get_member(self, request: Request) -> Wire:
        guild = self._access.guild(request.path["guild"])
        user_id = request.path["user"]
        if user_id not in guild.members:
            raise not_found(UNKNOWN_MEMBER, "Member")
        return guild.members[user_id] | {"user": self._state.users[user_id]}

    def get_members(self, request: Request) -> list[Wire]:
        guild = self._access.guild(request.path["guild"])
        limit, after = request.number("limit", 1, 1, 1000), request.number("after", 0, 0, 2**64)
        ids = sorted((user for user in guild.members if int(user) > after), key=int)[:limit]
        return [guild.members[user] | {"user": self._state.users[user]} for user in ids]

    def get_user(self, request: Request) -> Wire:
        user = self._state.users.get(request.path["user"])
        if user is None:
            raise not_found(UNKNOWN_USER, "User")
        return user

    def open_direct_chat(self, request: Request) -> Wire:
        user_id = str(request.form.get("recipient_id"))
        if user_id not in self._state.users or user_id == BOT_ID:
            raise RestError(400, BAD_RECIPIENT, "Invalid Recipient(s)")
        return self.direct_chat(user_id).wire

    def direct_chat(self, user_id: str) -> Place:
        """The person's chat with the bot, opened where there is none yet."""
        known = self._state.direct_chat(user_id)
        if known is not None:
            return known
        wire: Wire = {
            "id": self._ids.next(),
            "type": DIRECT,
            "last_message_id": None,
            "flags": 0,
            "recipients": [self._state.users[user_id]],
        }
        self._world.record({"t": "place", "place": wire})
        self._world.tell("CHANNEL_CREATE", wire)
        return self._state.places[wire["id"]]

    async def start_thread(self, request: Request) -> Wire:
        """Without a message, or in a forum with the first one."""
        place = self._access.seen(request.path["channel"])
        self._access.need(place, CREATE_PUBLIC_THREADS)
        form = request.form
        name = _name(form)
        if place.wire["type"] != FORUM:
            return self.open_thread(place, name, BOT_ID).wire
        opening = form.get("message")
        inner = Request(request.path, request.query, opening, request.uploads, request.host)
        content = await self._messages.content_of(inner)
        thread = self.open_thread(place, name, BOT_ID)
        message = self._posts.write(thread, BOT_ID, allowed=inner.form.get("allowed_mentions"), **content)
        return thread.wire | {"message": self._posts.shown(message)}

    def start_thread_at(self, request: Request) -> Wire:
        place = self._access.seen(request.path["channel"])
        self._access.need(place, CREATE_PUBLIC_THREADS)
        message = self._access.message(place, request.path["message"])
        if message["id"] in self._state.places:
            raise RestError(400, THREAD_EXISTS, "A thread has already been created for this message")
        return self.open_thread(place, _name(request.form), BOT_ID, at=message["id"]).wire

    def join_thread(self, request: Request) -> None:
        place = self._access.seen(request.path["channel"])
        if not place.is_thread:
            raise RestError(400, NOT_A_TEXT_CHANNEL, "Cannot execute action on this channel type")

    def edit_channel(self, request: Request) -> Wire:
        """A thread's name, archiving and lock."""
        place = self._access.seen(request.path["channel"])
        form = request.form
        wire = dict(place.wire)
        if "name" in form:
            wire["name"] = _name(form)
        if place.is_thread:
            fitting = {name: form[name] for name in ("archived", "locked", "auto_archive_duration") if name in form}
            wire["thread_metadata"] = wire["thread_metadata"] | fitting
        self._world.record({"t": "place", "place": wire})
        self._world.tell("THREAD_UPDATE" if place.is_thread else "CHANNEL_UPDATE", wire)
        return wire

    def open_thread(self, place: Place, name: str, owner_id: str, at: str | None = None) -> Place:
        """A public thread in `place`; `at` is the message that it begins at, which then shares its id."""
        if place.wire["type"] not in {TEXT, FORUM}:
            raise RestError(400, NOT_A_TEXT_CHANNEL, "Cannot execute action on this channel type")
        now = self._clock.now().isoformat()
        wire: Wire = {
            "id": at or self._ids.next(),
            "type": PUBLIC_THREAD,
            "guild_id": place.guild_id,
            "parent_id": place.id,
            "owner_id": owner_id,
            "name": name,
            "last_message_id": None,
            "message_count": 0,
            "total_message_sent": 0,
            "member_count": 1,
            "rate_limit_per_user": 0,
            "flags": 0,
            "thread_metadata": {
                "archived": False,
                "auto_archive_duration": ARCHIVE_MINUTES,
                "archive_timestamp": now,
                "locked": False,
                "create_timestamp": now,
            },
        }
        self._world.record({"t": "place", "place": wire})
        self._world.tell("THREAD_CREATE", wire | {"newly_created": True})
        return self._state.places[wire["id"]]


def places_of(state: DiscordState, guild: Guild) -> list[Place]:
    return [place for place in state.places.values() if place.guild_id == guild.id]


def guild_wire(guild: Guild) -> Wire:
    """A Guild object as REST gives it."""
    return guild.wire | {
        "emojis": [],
        "stickers": [],
        "features": [],
        "preferred_locale": "zh-TW",
        "icon": None,
        "splash": None,
        "banner": None,
        "description": None,
        "discovery_splash": None,
        "afk_channel_id": None,
        "afk_timeout": 300,
        "verification_level": 0,
        "default_message_notifications": 0,
        "explicit_content_filter": 0,
        "mfa_level": 0,
        "nsfw_level": 0,
        "premium_tier": 0,
        "system_channel_id": None,
        "system_channel_flags": 0,
        "rules_channel_id": None,
        "public_updates_channel_id": None,
        "vanity_url_code": None,
        "premium_progress_bar_enabled": False,
        "member_count": len(guild.members),
    }


def guild_event(state: DiscordState, guild: Guild, *, joined: bool = False) -> Wire:
    """A server as GUILD_CREATE tells it: one that the bot just `joined`, or one that READY has named."""
    places = places_of(state, guild)
    return (
        guild_wire(guild)
        | ({} if joined else {"unavailable": False})
        | {
            "large": False,
            "joined_at": guild.members[BOT_ID]["joined_at"],
            "members": [member | {"user": state.users[user]} for user, member in guild.members.items()],
            "channels": [place.wire for place in places if not place.is_thread],
            "threads": [place.wire for place in places if place.is_thread],
            "presences": [],
            "voice_states": [],
            "stage_instances": [],
            "guild_scheduled_events": [],
            "soundboard_sounds": [],
        }
    )


def _name(form: Wire) -> str:
    name: Any = form.get("name")
    if not isinstance(name, str) or not 1 <= len(name.strip()) <= NAME_LENGTH:
        raise invalid("name", "BASE_TYPE_BAD_LENGTH", f"Must be between 1 and {NAME_LENGTH} in length.")
    return name.strip()
