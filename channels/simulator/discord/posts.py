"""Messages as they come into being, change and go: the same for people, for the bot and for answers to commands."""

import hmac
import secrets
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import quote

from channels.clock import Clock
from channels.simulator.discord.mentions import find_mentions
from channels.simulator.discord.permissions import MENTION_EVERYONE, rights_in
from channels.simulator.discord.snowflakes import Snowflakes, moment_of
from channels.simulator.discord.state import BOT_ID, EPHEMERAL, DiscordState, Place
from channels.simulator.discord.wire import Upload, Wire, invalid
from channels.simulator.files import FileStore
from channels.simulator.world import World
from channels.utf16 import utf16_length

CONTENT_UNITS: Final = 2000  # nobody documents what a character is there; the strictest count is taken
LOADING: Final = 1 << 7
_OURS: Final = frozenset({"nonce", "reacted"})  # kept with a message, not shown with it
REPLY: Final = 19


class Posts:
    """Writes, changes and removes without asking who may. `cdn` is where attachments are fetched."""

    def __init__(self, clock: Clock, world: World[DiscordState], ids: Snowflakes, files: FileStore) -> None:
        self._clock = clock
        self._world = world
        self._state = world.state
        self._ids = ids
        self._files = files
        self._secret = secrets.token_bytes(32)
        self.cdn = ""

    def write(self, place: Place, author_id: str, content: str, allowed: Any = None, **fields: Any) -> Wire:
        """A new message, told to all who may see it. Raises RestError for mentions that make no sense."""
        message_id = self._ids.next()
        message: Wire = {
            "id": message_id,
            "channel_id": place.id,
            "author": self._state.users[author_id],
            "content": content,
            "timestamp": moment_of(message_id).isoformat(),
            "edited_timestamp": None,
            "tts": False,
            "attachments": [],
            "embeds": [],
            "components": [],
            "pinned": False,
            "type": 0,
            "flags": 0,
        }
        message |= self._mentions(place, author_id, content, allowed)
        message |= {name: value for name, value in fields.items() if value is not None}
        replied = self._replied(message)
        if replied is not None and _is_called(replied, allowed) and replied["author"] not in message["mentions"]:
            message["mentions"] = [*message["mentions"], replied["author"]]
        self._world.record({"t": "message", "message": message})
        self._announce("MESSAGE_CREATE", message)
        return message

    def rewrite(self, message: Wire, changes: Wire, allowed: Any = None) -> Wire:
        """`message` with `changes`; new content is an edit, and no longer waited for. Raises RestError."""
        place = self._state.places[message["channel_id"]]
        edited = message | changes
        if "content" in changes:
            edited |= self._mentions(place, message["author"]["id"], changes["content"], allowed)
            edited["flags"] = edited["flags"] & ~LOADING
            edited["edited_timestamp"] = self._clock.now().isoformat()
        self._world.record({"t": "message", "message": edited})
        self._announce("MESSAGE_UPDATE", edited)
        return edited

    def remove(self, message: Wire) -> None:
        place = self._state.places[message["channel_id"]]
        self._world.record({"t": "deleted", "channel": place.id, "message": message["id"]})
        gone: Wire = {"id": message["id"], "channel_id": place.id}
        if place.guild_id:
            gone["guild_id"] = place.guild_id
        self._world.tell("ephemeral_gone" if message["flags"] & EPHEMERAL else "MESSAGE_DELETE", gone)

    async def store(self, uploads: Iterable[Upload]) -> list[Wire]:
        """The Attachment objects of files that are kept now."""
        attachments = []
        for upload in uploads:
            file_id = self._ids.next()
            await self._files.put(file_id, upload.data)
            self._world.record({"t": "file", "id": file_id, "name": upload.name})
            attachments.append(
                {
                    "id": file_id,
                    "filename": upload.name,
                    "size": len(upload.data),
                    "content_type": upload.media_type,
                }
            )
        return attachments

    def signature(self, file_id: str) -> str:
        """What the address of an attachment bears, so that nobody can guess it."""
        return hmac.new(self._secret, file_id.encode(), "sha256").hexdigest()

    def shown(self, message: Wire) -> Wire:
        """`message` as REST shows it: with the message that it answers, without its nonce."""
        wire = {name: value for name, value in message.items() if name not in _OURS}
        if wire["attachments"]:
            wire["attachments"] = [self._attachment(message, each) for each in wire["attachments"]]
        if "message_reference" in message:
            replied = self._replied(message)
            wire["referenced_message"] = None if replied is None else _alone(self.shown(replied))
        return wire

    def event(self, message: Wire) -> Wire:
        """`message` as the gateway tells it: with its server, its author's roles and its nonce."""
        wire = self.shown(message)
        place = self._state.places[message["channel_id"]]
        if "nonce" in message:
            wire["nonce"] = message["nonce"]
        if place.guild_id is not None:
            wire["guild_id"] = place.guild_id
            member = self._state.guilds[place.guild_id].members.get(message["author"]["id"])
            if member is not None and "webhook_id" not in message:
                wire["member"] = member
        return wire

    def _announce(self, event: str, message: Wire) -> None:
        if message["flags"] & EPHEMERAL:
            self._world.tell("ephemeral", self.shown(message))
        else:
            self._world.tell(event, self.event(message))

    def _mentions(self, place: Place, author_id: str, content: str, allowed: Any) -> Wire:
        may = place.guild_id is not None and bool(
            rights_in(self._state.guilds[place.guild_id], self._state.around(place), author_id) & MENTION_EVERYONE
        )
        return find_mentions(content, allowed, self._state.users, may_call_everyone=may)

    def _replied(self, message: Wire) -> Wire | None:
        reference = message.get("message_reference")
        if reference is None or reference["channel_id"] not in self._state.places:
            return None
        return self._state.places[reference["channel_id"]].messages.get(reference["message_id"])

    def _attachment(self, message: Wire, attachment: Wire) -> Wire:
        name = quote(attachment["filename"])
        path = f"{self.cdn}/attachments/{message['channel_id']}/{attachment['id']}/{name}"
        url = f"{path}?hm={self.signature(attachment['id'])}"
        return attachment | {"url": url, "proxy_url": url}


def check_content(content: Any) -> str:
    """Raises RestError for what is no text or too long."""
    if content is None:
        return ""
    if not isinstance(content, str):
        raise invalid("content", "BASE_TYPE_STRING", "Could not interpret value as string.")
    stripped = content.strip()
    if utf16_length(stripped) > CONTENT_UNITS:
        words = f"Must be {CONTENT_UNITS} or fewer in length."
        raise invalid("content", "BASE_TYPE_MAX_LENGTH", words)
    return stripped


def reference_to(message: Wire, guild_id: str | None) -> Wire:
    """A MessageReference that answers `message`."""
    reference: Wire = {"type": 0, "message_id": message["id"], "channel_id": message["channel_id"]}
    return reference | ({"guild_id": guild_id} if guild_id else {})


def _is_called(replied: Wire, allowed: Any) -> bool:
    """Whether answering calls the author, as it does unless somebody says no."""
    return replied["author"]["id"] != BOT_ID and (not isinstance(allowed, dict) or allowed.get("replied_user") is True)


def _alone(message: Wire) -> Wire:
    return {name: value for name, value in message.items() if name != "referenced_message"}
