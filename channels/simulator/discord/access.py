"""Where the bot may read and write, and how Discord refuses it elsewhere."""

from channels.simulator.discord.permissions import (
    READ_MESSAGE_HISTORY,
    SEND_MESSAGES,
    SEND_MESSAGES_IN_THREADS,
    VIEW_CHANNEL,
    rights_in,
)
from channels.simulator.discord.state import BOT_ID, EPHEMERAL, FORUM, DiscordState, Guild, Place
from channels.simulator.discord.wire import (
    MISSING_ACCESS,
    MISSING_PERMISSIONS,
    NO_DIRECT_MESSAGES,
    NOT_A_TEXT_CHANNEL,
    UNKNOWN_CHANNEL,
    UNKNOWN_GUILD,
    UNKNOWN_MESSAGE,
    RestError,
    Wire,
    not_found,
)


class Access:
    """Each method raises RestError where the bot may not."""

    def __init__(self, state: DiscordState) -> None:
        self._state = state

    def rights(self, place: Place) -> int:
        """The bot's permissions; all but nothing where it is not in the server."""
        if place.guild_id is None:
            return VIEW_CHANNEL | READ_MESSAGE_HISTORY | SEND_MESSAGES
        return rights_in(self._state.guilds[place.guild_id], self._state.around(place), BOT_ID)

    def seen(self, channel_id: str) -> Place:
        """A channel that the bot can see."""
        place = self._state.places.get(channel_id)
        if place is None:
            raise not_found(UNKNOWN_CHANNEL, "Channel")
        if not self.rights(place) & VIEW_CHANNEL:
            raise RestError(403, MISSING_ACCESS, "Missing Access")
        return place

    def writable(self, channel_id: str) -> Place:
        """A channel that the bot may write into."""
        place = self.seen(channel_id)
        if place.wire["type"] == FORUM:
            raise RestError(400, NOT_A_TEXT_CHANNEL, "Cannot send messages in a non-text channel")
        if place.is_direct and place.wire["recipients"][0]["id"] in self._state.closed_to_bot:
            raise RestError(403, NO_DIRECT_MESSAGES, "Cannot send messages to this user")
        needed = SEND_MESSAGES_IN_THREADS if place.is_thread else SEND_MESSAGES
        self.need(place, needed)
        return place

    def need(self, place: Place, right: int) -> None:
        if not self.rights(place) & right:
            raise RestError(403, MISSING_PERMISSIONS, "Missing Permissions")

    def may_read_history(self, place: Place) -> bool:
        return bool(self.rights(place) & READ_MESSAGE_HISTORY)

    def message(self, place: Place, message_id: str) -> Wire:
        """A message that REST knows; ephemeral ones it does not."""
        message = place.messages.get(message_id)
        if message is None or message["flags"] & EPHEMERAL:
            raise not_found(UNKNOWN_MESSAGE, "Message")
        return message

    def guild(self, guild_id: str) -> Guild:
        """A server that the bot is in."""
        guild = self._state.guilds.get(guild_id)
        if guild is None:
            raise not_found(UNKNOWN_GUILD, "Guild")
        if BOT_ID not in guild.members:
            raise RestError(403, MISSING_ACCESS, "Missing Access")
        return guild
