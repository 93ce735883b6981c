"""What people do in the simulated Discord: speak, edit, open threads, give commands, press, found servers."""

from typing import Any

from channels.simulator.discord.application import CHAT_INPUT
from channels.simulator.discord.components import custom_ids
from channels.simulator.discord.interactions import AUTOCOMPLETE, COMMAND, PRESS, Interactions
from channels.simulator.discord.messages import Messages
from channels.simulator.discord.permissions import ALL, rights_in
from channels.simulator.discord.places import Places
from channels.simulator.discord.posts import REPLY, Posts, reference_to
from channels.simulator.discord.seed import user_wire
from channels.simulator.discord.snowflakes import Snowflakes
from channels.simulator.discord.state import BOT_ID, FORUM, TEXT, DiscordState, Place
from channels.simulator.discord.wire import Upload, Wire
from channels.simulator.places import UnknownPlace
from channels.simulator.world import World


class People:
    """Everyone but the bot. Ids are text, as Discord writes them; all raise UnknownPlace for what is not there."""

    def __init__(
        self,
        world: World[DiscordState],
        ids: Snowflakes,
        posts: Posts,
        messages: Messages,
        places: Places,
        interactions: Interactions,
    ) -> None:
        self._world = world
        self._ids = ids
        self._posts = posts
        self._messages = messages
        self._places = places
        self._interactions = interactions
        self.state = world.state

    def say(self, channel_id: str, user_id: str, text: str, *, reply_to: str | None = None) -> str:
        """Let a person write; the message's id."""
        place = self._writable(channel_id, user_id)
        replied = None if reply_to is None else self._message(place, reply_to)
        fields: Wire = {}
        if replied is not None:
            fields = {"type": REPLY, "message_reference": reference_to(replied, place.guild_id)}
        return str(self._posts.write(place, user_id, text.strip(), **fields)["id"])

    async def say_with_file(
        self, channel_id: str, user_id: str, text: str, name: str, data: bytes, media_type: str = "text/plain"
    ) -> str:
        """Let a person upload a file; the message's id."""
        place = self._writable(channel_id, user_id)
        attachments = await self._posts.store([Upload("0", name, media_type, data)])
        return str(self._posts.write(place, user_id, text, attachments=attachments)["id"])

    def edit(self, channel_id: str, message_id: str, text: str) -> None:
        """Let the author of a message change it."""
        self._posts.rewrite(self._message(self._place(channel_id), message_id), {"content": text.strip()})

    def delete(self, channel_id: str, message_id: str) -> None:
        self._posts.remove(self._message(self._place(channel_id), message_id))

    def react(self, channel_id: str, message_id: str, user_id: str, emoji: str) -> None:
        self._messages.count_reaction(self._message(self._place(channel_id), message_id), emoji, user_id, 1)

    def start_thread(self, channel_id: str, user_id: str, name: str, *, at: str | None = None, text: str = "") -> str:
        """Open a thread, `at` a message or by itself, or a post in a forum with `text`; the thread's id."""
        place = self._place(channel_id)
        if place.wire["type"] not in {TEXT, FORUM} or (at is not None and at in self.state.places):
            raise UnknownPlace("no thread can begin there")
        if at is not None:
            self._message(place, at)
        thread = self._places.open_thread(place, name, user_id, at=at)
        if text:
            self._posts.write(thread, user_id, text)
        return thread.id

    # --- commands and buttons ---

    def commands(self, channel_id: str, user_id: str) -> list[Wire]:
        """The slash commands that are offered there to a person, those of the server first."""
        place = self._place(channel_id)
        of_guild = self.state.commands.get(place.guild_id or "-", [])
        names = {each["name"] for each in of_guild}
        everywhere = [each for each in self.state.commands.get("", []) if each["name"] not in names]
        context = 0 if place.guild_id else 1
        guild = self.state.guilds.get(place.guild_id or "")
        rights = ALL if guild is None else rights_in(guild, self.state.around(place), user_id)
        return [
            each
            for each in [*of_guild, *everywhere]
            if each["type"] == CHAT_INPUT
            and context in (each.get("contexts") or [0, 1])
            and (needed := int(each["default_member_permissions"] or 0)) & rights == needed
        ]

    def command(self, channel_id: str, user_id: str, name: str, options: dict[str, Any] | None = None) -> str:
        """Let a person give a slash command; the interaction's id."""
        place, command = self._command(channel_id, user_id, name)
        given = options or {}
        missing = [each["name"] for each in command["options"] if each.get("required") and each["name"] not in given]
        if missing:
            raise UnknownPlace(f"/{name} needs {missing[0]!r}")
        data = _data(command, [_option(command, option, value) for option, value in given.items()])
        return self._interactions.begin(COMMAND, place, user_id, data, name)

    async def first_response(self, interaction_id: str) -> int | None:
        """The type of the first response to a command or a press, once it is there; None when none came in time."""
        return await self._interactions.first_response(interaction_id)

    async def suggest(self, channel_id: str, user_id: str, name: str, option: str, typed: str) -> list[Wire]:
        """What the bot suggests for an option of which `typed` is written so far."""
        place, command = self._command(channel_id, user_id, name)
        data = _data(command, [_option(command, option, typed) | {"focused": True}])
        interaction = self._interactions.begin(AUTOCOMPLETE, place, user_id, data, name)
        return await self._interactions.suggestions(interaction)

    def press(self, channel_id: str, message_id: str, custom_id: str, user_id: str) -> str:
        """Let a person press a button; the interaction's id."""
        place = self._place(channel_id)
        message = self._message(place, message_id)
        if custom_id not in custom_ids(message["components"]):
            raise UnknownPlace(f"message {message_id} has no button {custom_id!r}")
        data = {"custom_id": custom_id, "component_type": 2}
        return self._interactions.begin(PRESS, place, user_id, data, custom_id, message)

    def add_user(self, user_id: str, name: str, locale: str = "zh-TW") -> None:
        """Add or rename a person, and give them a direct chat with the bot."""
        known = self.state.users.get(user_id)
        user = known | {"global_name": name} if known else user_wire(user_id, f"user{user_id[-4:]}", name)
        closed = user_id in self.state.closed_to_bot
        self._world.record({"t": "user", "user": user, "locale": locale, "closed": closed})
        self._places.direct_chat(user_id)

    def _command(self, channel_id: str, user_id: str, name: str) -> tuple[Place, Wire]:
        place = self._writable(channel_id, user_id)
        if place.guild_id is not None and BOT_ID not in self.state.guilds[place.guild_id].members:
            raise UnknownPlace("the bot is not in this server")
        found = next((each for each in self.commands(channel_id, user_id) if each["name"] == name), None)
        if found is None:
            raise UnknownPlace(f"no command /{name}")
        return place, found

    def _place(self, channel_id: str) -> Place:
        if channel_id not in self.state.places:
            raise UnknownPlace(f"no channel {channel_id}")
        return self.state.places[channel_id]

    def _writable(self, channel_id: str, user_id: str) -> Place:
        place = self._place(channel_id)
        if place.wire["type"] == FORUM:
            raise UnknownPlace("a forum takes threads only")
        there = {each["id"] for each in place.wire["recipients"]} if place.guild_id is None else set(
            self.state.guilds[place.guild_id].members
        )  # fmt: skip
        if user_id not in there:
            raise UnknownPlace(f"no person {user_id} in channel {channel_id}")
        return place

    def _message(self, place: Place, message_id: str) -> Wire:
        if message_id not in place.messages:
            raise UnknownPlace(f"no message {message_id} in channel {place.id}")
        return place.messages[message_id]


def _data(command: Wire, options: list[Wire]) -> Wire:
    data: Wire = {"id": command["id"], "name": command["name"], "type": command["type"], "options": options}
    return data | ({"guild_id": command["guild_id"]} if "guild_id" in command else {})


def _option(command: Wire, name: str, value: Any) -> Wire:
    known = next((each for each in command["options"] if each["name"] == name), None)
    if known is None:
        raise UnknownPlace(f"/{command['name']} has no option {name!r}")
    return {"name": name, "type": known["type"], "value": value}
