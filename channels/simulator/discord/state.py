"""What the simulated Discord remembers: people, servers, channels, messages, commands and interactions.

Every change is one record. Applying the same records in the same order gives the same state, which is how it
survives a restart. Gateway sessions do not: after a restart the bot has to identify anew.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Final

from channels.simulator.discord.wire import Wire
from channels.simulator.journal import Record

BOT_ID: Final = "1150000000000000001"  # of the bot's user and of its application alike
KEPT_MESSAGES: Final = 2000  # a channel's messages that outlive a restart
KEPT_INTERACTIONS: Final = 2000
KEPT_NONCES: Final = 10_000
TEXT, DIRECT, FORUM = 0, 1, 15  # https://discord.com/developers/docs/resources/channel#channel-object-channel-types
PUBLIC_THREAD: Final = 11
THREADS: Final = frozenset({10, 11, 12})
EPHEMERAL: Final = 1 << 6


@dataclass(slots=True)
class Guild:
    """One server. `members` maps users' ids to Member objects without their user."""

    wire: Wire
    members: dict[str, Wire] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return str(self.wire["id"])


@dataclass(slots=True)
class Place:
    """A channel, a thread, or the direct chat of one person with the bot. `messages` in the order of their ids."""

    wire: Wire
    messages: dict[str, Wire] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return str(self.wire["id"])

    @property
    def guild_id(self) -> str | None:
        """None for a direct chat."""
        guild: str | None = self.wire.get("guild_id")
        return guild

    @property
    def is_thread(self) -> bool:
        return self.wire["type"] in THREADS

    @property
    def is_direct(self) -> bool:
        return bool(self.wire["type"] == DIRECT)


@dataclass(frozen=True, slots=True)
class Interaction:
    """A command, a press or a question for suggestions.

    `message` is the message that the pressed button stands under. `response` is the type of the first response, None
    while there is none; `original` the message it made or will make, None where it made none.
    """

    id: str
    token: str
    kind: int
    channel: str
    user: str
    name: str
    message: str | None = None
    response: int | None = None
    original: str | None = None
    private: bool = False


class DiscordState:
    """Read by everyone, changed by `apply` alone."""

    def __init__(self) -> None:
        self.users: dict[str, Wire] = {}
        self.locales: dict[str, str] = {}
        self.closed_to_bot: set[str] = set()  # people who take no direct messages
        self.guilds: dict[str, Guild] = {}
        self.places: dict[str, Place] = {}
        self.commands: dict[str, list[Wire]] = {}  # by server, "" for all
        self.interactions: dict[str, Interaction] = {}
        self.tokens: dict[str, str] = {}  # interactions by their token
        self.files: dict[str, str] = {}  # names of attachments by their id
        self.nonces: dict[tuple[str, str, str], str] = {}  # message by channel, author and nonce
        self.by_bot: dict[tuple[str, str], None] = {}  # (channel, message), in the order of sending
        self.message_content = True
        self.last_id = 0
        self._appliers: Mapping[str, Callable[[Record], None]] = {
            "message": self._message,
            "deleted": self._deleted,
            "user": self._user,
            "guild": self._guild,
            "member": self._member,
            "member_gone": self._member_gone,
            "place": self._place,
            "place_gone": self._place_gone,
            "commands": self._commands,
            "interaction": self._interaction,
            "file": self._file,
            "intent": self._intent,
            "order": self._order,
        }

    def apply(self, record: Record) -> None:
        self._appliers[record["t"]](record)

    def snapshot(self) -> Iterator[Record]:
        """The shortest records that lead to this state; of long chats only the end is kept."""
        for user_id, user in self.users.items():
            closed = user_id in self.closed_to_bot
            yield {"t": "user", "user": user, "locale": self.locales[user_id], "closed": closed}
        for guild in self.guilds.values():
            yield {"t": "guild", "guild": guild.wire, "members": guild.members}
        kept: set[str] = set()
        for place in self.places.values():
            yield {"t": "place", "place": place.wire}
            for message in islice(place.messages.values(), max(0, len(place.messages) - KEPT_MESSAGES), None):
                kept.update(file["id"] for file in message["attachments"])
                yield {"t": "message", "message": message}
        for file_id, name in self.files.items():
            if file_id in kept:
                yield {"t": "file", "id": file_id, "name": name}
        for scope, commands in self.commands.items():
            yield {"t": "commands", "scope": scope, "commands": commands}
        for interaction in self.interactions.values():
            yield {"t": "interaction", "interaction": asdict(interaction)}
        yield {"t": "intent", "on": self.message_content}
        yield {"t": "order", "last_id": self.last_id, "by_bot": [*self.by_bot]}

    def direct_chat(self, user_id: str) -> Place | None:
        """The person's chat with the bot."""
        return next((place for place in self.places.values() if place.is_direct and _is_with(place, user_id)), None)

    def around(self, place: Place) -> Place:
        """The channel that a thread stands in; any other channel itself."""
        return self.places[place.wire["parent_id"]] if place.is_thread else place

    def _message(self, record: Record) -> None:
        message = record["message"]
        place = self.places[message["channel_id"]]
        is_new = message["id"] not in place.messages
        place.messages[message["id"]] = message
        self._see(message["id"])
        if is_new and not message["flags"] & EPHEMERAL:
            place.wire["last_message_id"] = message["id"]
            if place.is_thread:
                place.wire["message_count"] += 1
        if message["author"]["id"] == BOT_ID:
            self.by_bot[place.id, message["id"]] = None
        if "nonce" in message:
            self.nonces[place.id, message["author"]["id"], str(message["nonce"])] = message["id"]
            if len(self.nonces) > KEPT_NONCES:
                del self.nonces[next(iter(self.nonces))]

    def _deleted(self, record: Record) -> None:
        self.places[record["channel"]].messages.pop(record["message"], None)
        self.by_bot.pop((record["channel"], record["message"]), None)

    def _user(self, record: Record) -> None:
        user_id = record["user"]["id"]
        self.users[user_id] = record["user"]
        self.locales[user_id] = record["locale"]
        if record.get("closed"):
            self.closed_to_bot.add(user_id)
        else:
            self.closed_to_bot.discard(user_id)

    def _guild(self, record: Record) -> None:
        self.guilds[record["guild"]["id"]] = Guild(record["guild"], dict(record["members"]))

    def _member(self, record: Record) -> None:
        self.guilds[record["guild"]].members[record["user"]] = record["member"]

    def _member_gone(self, record: Record) -> None:
        self.guilds[record["guild"]].members.pop(record["user"], None)

    def _place(self, record: Record) -> None:
        wire = dict(record["place"])
        known = self.places.get(wire["id"])
        self.places[wire["id"]] = Place(wire, known.messages if known else {})
        self._see(wire["id"])

    def _place_gone(self, record: Record) -> None:
        for place in [*self.places.values()]:
            if record["channel"] in {place.id, place.wire.get("parent_id")}:
                del self.places[place.id]
        self.by_bot = {(place, message): None for place, message in self.by_bot if place in self.places}

    def _commands(self, record: Record) -> None:
        self.commands[record["scope"]] = record["commands"]

    def _interaction(self, record: Record) -> None:
        interaction = Interaction(**record["interaction"])
        self.interactions[interaction.id] = interaction
        self.tokens[interaction.token] = interaction.id
        self._see(interaction.id)
        if len(self.interactions) > KEPT_INTERACTIONS:
            oldest = self.interactions.pop(next(iter(self.interactions)))
            del self.tokens[oldest.token]

    def _file(self, record: Record) -> None:
        self.files[record["id"]] = record["name"]
        self._see(record["id"])

    def _intent(self, record: Record) -> None:
        self.message_content = record["on"]

    def _order(self, record: Record) -> None:
        self.last_id = max(self.last_id, record["last_id"])
        self.by_bot = {(place, message): None for place, message in record["by_bot"] if (place, message) in self.by_bot}

    def _see(self, snowflake: str) -> None:
        self.last_id = max(self.last_id, int(snowflake))


def _is_with(place: Place, user_id: str) -> bool:
    return any(user["id"] == user_id for user in place.wire["recipients"])
