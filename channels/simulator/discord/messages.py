"""REST for messages: create, read, edit, delete, reactions, typing.

https://discord.com/developers/docs/resources/message
"""

from datetime import timedelta
from itertools import islice
from typing import Any, Final
from urllib.parse import unquote

from channels.clock import Clock
from channels.simulator.discord.access import Access
from channels.simulator.discord.components import check_components
from channels.simulator.discord.permissions import ADD_REACTIONS, ATTACH_FILES, MANAGE_MESSAGES
from channels.simulator.discord.posts import REPLY, Posts, check_content, reference_to
from channels.simulator.discord.snowflakes import moment_of
from channels.simulator.discord.state import BOT_ID, EPHEMERAL, DiscordState, Place
from channels.simulator.discord.wire import (
    EMPTY_MESSAGE,
    NO_READING_FOR_REPLY,
    NOT_THE_AUTHOR,
    Request,
    RestError,
    Wire,
    invalid,
)
from channels.simulator.world import World

NONCE_LENGTH: Final = 25
NONCE_LIFE: Final = timedelta(minutes=5)  # "the past few minutes"
MOST_EMBEDS: Final = 10
BOTS_FLAGS: Final = 1 << 2 | 1 << 12  # suppress embeds, suppress notifications


class Messages:
    """What the bot may do with messages."""

    def __init__(self, clock: Clock, world: World[DiscordState], access: Access, posts: Posts) -> None:
        self._clock = clock
        self._world = world
        self._state = world.state
        self._access = access
        self._posts = posts

    async def create(self, request: Request) -> Wire:
        place = self._access.writable(request.path["channel"])
        form = request.form
        nonce = _nonce(form)
        known = self._known(place, nonce) if form.get("enforce_nonce") else None
        if known is not None:
            return self._posts.event(known)
        content = await self.content_of(request)
        if request.uploads:
            self._access.need(place, ATTACH_FILES)
        replied = self._reply(place, form.get("message_reference"))
        message = self._posts.write(
            place,
            BOT_ID,
            allowed=form.get("allowed_mentions"),
            nonce=nonce,
            flags=_flags(form) & BOTS_FLAGS,
            type=None if replied is None else REPLY,
            message_reference=None if replied is None else reference_to(replied, place.guild_id),
            **content,
        )
        return self._posts.shown(message) | ({} if nonce is None else {"nonce": nonce})

    async def content_of(self, request: Request) -> Wire:
        """Text, embeds, components and files of a message to be made. Raises RestError."""
        form = request.form
        content: Wire = {
            "content": check_content(form.get("content")),
            "embeds": _embeds(form),
            "components": check_components(form.get("components")),
        }
        if not (content["content"] or content["embeds"] or request.uploads):
            raise RestError(400, EMPTY_MESSAGE, "Cannot send an empty message")
        return content | {"attachments": await self._posts.store(request.uploads)}

    async def changes_of(self, request: Request, message: Wire) -> Wire:
        """What an edit changes. Raises RestError."""
        form = request.form
        changes: Wire = {}
        if "content" in form:
            changes["content"] = check_content(form["content"])
        if "embeds" in form:
            changes["embeds"] = _embeds(form)
        if "components" in form:
            changes["components"] = check_components(form["components"])
        if "flags" in form:
            changes["flags"] = message["flags"] & ~BOTS_FLAGS | _flags(form) & BOTS_FLAGS
        if request.uploads or "attachments" in form:
            kept = _kept_files(form, message)
            changes["attachments"] = [*kept, *await self._posts.store(request.uploads)]
        after = message | changes
        if not (after["content"] or after["embeds"] or after["attachments"]):
            raise RestError(400, EMPTY_MESSAGE, "Cannot send an empty message")
        return changes

    async def edit(self, request: Request) -> Wire:
        message = self._message(request)
        if message["author"]["id"] != BOT_ID:
            raise RestError(403, NOT_THE_AUTHOR, "Cannot edit a message authored by another user")
        changes = await self.changes_of(request, message)
        return self._posts.shown(self._posts.rewrite(message, changes, request.form.get("allowed_mentions")))

    def delete(self, request: Request) -> None:
        message = self._message(request)
        if message["author"]["id"] != BOT_ID:
            self._access.need(self._access.seen(request.path["channel"]), MANAGE_MESSAGES)
        self._posts.remove(message)

    def get(self, request: Request) -> Wire:
        message = self._message(request)
        return self._blank(self._posts.shown(message), self._access.seen(request.path["channel"]))

    def history(self, request: Request) -> list[Wire]:
        """The newest first; empty where the bot may not read what was said before."""
        place = self._access.seen(request.path["channel"])
        if not self._access.may_read_history(place):
            return []
        limit = request.number("limit", 50, 1, 100)
        after, before = (request.number(name, 0, 0, 2**64) for name in ("after", "before"))
        messages = [each for each in place.messages.values() if not each["flags"] & EPHEMERAL]
        if after:
            fitting = list(islice((each for each in messages if int(each["id"]) > after), limit))
        else:
            fitting = [each for each in messages if not before or int(each["id"]) < before][-limit:]
        return [self._blank(self._posts.shown(each), place) for each in reversed(fitting)]

    def type(self, request: Request) -> None:
        place = self._access.writable(request.path["channel"])
        event: Wire = {"channel_id": place.id, "user_id": BOT_ID, "timestamp": int(self._clock.now().timestamp())}
        self._world.tell("TYPING_START", event | ({"guild_id": place.guild_id} if place.guild_id else {}))

    def react(self, request: Request) -> None:
        message = self._message(request)
        self._access.need(self._access.seen(request.path["channel"]), ADD_REACTIONS)
        self.count_reaction(message, unquote(request.path["emoji"]), BOT_ID, 1)

    def unreact(self, request: Request) -> None:
        self.count_reaction(self._message(request), unquote(request.path["emoji"]), BOT_ID, -1)

    def count_reaction(self, message: Wire, emoji: str, user_id: str, change: int) -> None:
        """Add or take back one person's reaction."""
        by_emoji: dict[str, list[str]] = {name: list(users) for name, users in message.get("reacted", {}).items()}
        users = by_emoji.setdefault(emoji, [])
        if (user_id in users) == (change > 0):
            return
        if change > 0:
            users.append(user_id)
        else:
            users.remove(user_id)
        kept = {name: users for name, users in by_emoji.items() if users}
        reactions = [_reaction(name, users) for name, users in kept.items()]
        self._world.record({"t": "message", "message": message | {"reacted": kept, "reactions": reactions}})
        place = self._state.places[message["channel_id"]]
        event: Wire = {"user_id": user_id, "channel_id": place.id, "message_id": message["id"]}
        event |= {"emoji": {"id": None, "name": emoji}, "burst": False, "type": 0}
        event |= {"guild_id": place.guild_id} if place.guild_id else {}
        self._world.tell("MESSAGE_REACTION_ADD" if change > 0 else "MESSAGE_REACTION_REMOVE", event)

    def _message(self, request: Request) -> Wire:
        place = self._access.seen(request.path["channel"])
        return self._access.message(place, request.path["message"])

    def _known(self, place: Place, nonce: str | int | None) -> Wire | None:
        """The message that already bears the nonce."""
        message_id = self._state.nonces.get((place.id, BOT_ID, str(nonce)))
        message = place.messages.get(message_id) if nonce is not None and message_id else None
        if message is None or self._clock.now() - moment_of(message["id"]) > NONCE_LIFE:
            return None
        return message

    def _reply(self, place: Place, reference: Any) -> Wire | None:
        """The message to answer; None for none, and for one that is gone where that is no fault."""
        if reference is None:
            return None
        if not self._access.may_read_history(place):
            words = "You cannot reply without permission to read message history"
            raise RestError(400, NO_READING_FOR_REPLY, words)
        found = place.messages.get(str(reference.get("message_id"))) if isinstance(reference, dict) else None
        if found is None and (not isinstance(reference, dict) or reference.get("fail_if_not_exists", True)):
            raise invalid("message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
        return found

    def _blank(self, message: Wire, place: Place) -> Wire:
        """What a bot without the intent is shown."""
        return message if self._state.message_content or place.is_direct else without_content(message)


def without_content(message: Wire) -> Wire:
    """A message of a server as a bot without the intent sees it.

    https://discord.com/developers/docs/events/gateway#message-content-intent
    """
    own = message["author"]["id"] == BOT_ID
    named = any(user["id"] == BOT_ID for user in message["mentions"])
    if own or named:
        return message
    return message | {"content": "", "embeds": [], "attachments": [], "components": []}


def _nonce(form: Wire) -> str | int | None:
    nonce = form.get("nonce")
    if nonce is None:
        return None
    if not isinstance(nonce, str | int) or len(str(nonce)) > NONCE_LENGTH:
        raise invalid("nonce", "NONCE_TYPE_TOO_LONG", f"Must be {NONCE_LENGTH} or fewer in length.")
    return nonce


def _embeds(form: Wire) -> list[Wire]:
    embeds = form.get("embeds") or []
    if not isinstance(embeds, list) or len(embeds) > MOST_EMBEDS:
        raise invalid("embeds", "BASE_TYPE_MAX_LENGTH", f"Must be {MOST_EMBEDS} or fewer in length.")
    return [each | {"type": "rich"} for each in embeds if isinstance(each, dict)]


def _flags(form: Wire) -> int:
    flags = form.get("flags") or 0
    if not isinstance(flags, int):
        raise invalid("flags", "NUMBER_TYPE_COERCE", "Value is not int.")
    return flags


def _reaction(emoji: str, users: list[str]) -> Wire:
    count = len(users)
    return {
        "emoji": {"id": None, "name": emoji},
        "count": count,
        "count_details": {"burst": 0, "normal": count},
        "me": BOT_ID in users,
        "me_burst": False,
        "burst_colors": [],
    }


def _kept_files(form: Wire, message: Wire) -> list[Wire]:
    """An edit that names `attachments` keeps only those of the message that stand there."""
    named = form.get("attachments")
    if not isinstance(named, list):
        return list(message["attachments"])
    ids = {str(each.get("id")) for each in named if isinstance(each, dict)}
    return [each for each in message["attachments"] if each["id"] in ids]
