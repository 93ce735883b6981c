"""What owners do in the simulated Discord: found servers, open and close channels, throw the bot out."""

from collections.abc import Iterable

from channels.simulator.discord.places import guild_event
from channels.simulator.discord.seed import channel_wire, guild_record, member_wire
from channels.simulator.discord.snowflakes import Snowflakes
from channels.simulator.discord.state import BOT_ID, TEXT, DiscordState, Place
from channels.simulator.places import UnknownPlace
from channels.simulator.world import World


class Servers:
    """Ids are text; all raise UnknownPlace for what is not there."""

    def __init__(self, world: World[DiscordState], ids: Snowflakes) -> None:
        self._world = world
        self._ids = ids
        self._state = world.state

    def close_to_bot(self, user_id: str, *, closed: bool = True) -> None:
        """Let a person take direct messages of the bot no more, or again."""
        user, locale = self._state.users[user_id], self._state.locales[user_id]
        self._world.record({"t": "user", "user": user, "locale": locale, "closed": closed})

    def add_guild(self, name: str, user_ids: Iterable[str], channels: Iterable[str] = ("general",)) -> str:
        """Found a server with the bot in it; the first of `user_ids` owns it. Its id."""
        guild_id, bot_role, people = self._ids.next(), self._ids.next(), tuple(user_ids)
        self._world.record(guild_record(guild_id, name, people[0], people, bot_role))
        for number, each in enumerate(channels):
            wire = channel_wire(self._ids.next(), guild_id, each, position=number)
            self._world.record({"t": "place", "place": wire})
        self._world.tell("GUILD_CREATE", guild_event(self._state, self._state.guilds[guild_id], joined=True))
        return guild_id

    def add_channel(self, guild_id: str, name: str, kind: int = TEXT) -> str:
        """The new channel's id."""
        wire = channel_wire(self._ids.next(), guild_id, name, kind, position=9)
        self._world.record({"t": "place", "place": wire})
        self._world.tell("CHANNEL_CREATE", wire)
        return str(wire["id"])

    def delete_channel(self, channel_id: str) -> None:
        """A thread, or a channel with its threads."""
        place = self._place(channel_id)
        self._world.record({"t": "place_gone", "channel": channel_id})
        self._world.tell("THREAD_DELETE" if place.is_thread else "CHANNEL_DELETE", place.wire)

    def deny(self, channel_id: str, rights: int) -> None:
        """Take rights of the bot away in one channel; 0 gives all back."""
        place = self._place(channel_id)
        overwrite = {"id": BOT_ID, "type": 1, "allow": "0", "deny": str(rights)}
        wire = place.wire | {"permission_overwrites": [overwrite] if rights else []}
        self._world.record({"t": "place", "place": wire})
        self._world.tell("CHANNEL_UPDATE", wire)

    def remove_bot(self, guild_id: str) -> None:
        """Throw the bot out of a server."""
        self._world.record({"t": "member_gone", "guild": guild_id, "user": BOT_ID})
        self._world.tell("GUILD_DELETE", {"id": guild_id})

    def invite_bot(self, guild_id: str) -> None:
        """Take it in again."""
        guild = self._state.guilds[guild_id]
        role = next(each["id"] for each in guild.wire["roles"] if each.get("tags"))
        self._world.record({"t": "member", "guild": guild_id, "user": BOT_ID, "member": member_wire((role,))})
        self._world.tell("GUILD_CREATE", guild_event(self._state, guild, joined=True))

    def allow_message_content(self, *, allowed: bool) -> None:
        """The switch of the developer portal."""
        self._world.record({"t": "intent", "on": allowed})

    def _place(self, channel_id: str) -> Place:
        if channel_id not in self._state.places:
            raise UnknownPlace(f"no channel {channel_id}")
        return self._state.places[channel_id]
