"""Commands, presses and suggestions: how they begin with a person, and how the bot answers them.

The first response has three seconds; then the token serves for fifteen minutes.
https://discord.com/developers/docs/interactions/receiving-and-responding
"""

import asyncio
import secrets
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any, Final

from channels.clock import Clock, deadline
from channels.simulator.discord.messages import Messages
from channels.simulator.discord.permissions import rights_in
from channels.simulator.discord.posts import LOADING, REPLY, Posts, reference_to
from channels.simulator.discord.snowflakes import Snowflakes, moment_of
from channels.simulator.discord.state import BOT_ID, EPHEMERAL, DiscordState, Interaction, Place
from channels.simulator.discord.wire import (
    ALREADY_ACKNOWLEDGED,
    BAD_WEBHOOK_TOKEN,
    UNKNOWN_INTERACTION,
    UNKNOWN_MESSAGE,
    UNKNOWN_WEBHOOK,
    Request,
    RestError,
    Wire,
    invalid,
    not_found,
)
from channels.simulator.world import World

COMMAND, PRESS, AUTOCOMPLETE = 2, 3, 4
PONG, MESSAGE, DEFERRED_MESSAGE, DEFERRED_UPDATE, UPDATE, CHOICES = 1, 4, 5, 6, 7, 8
COMMAND_ANSWER: Final = 20  # the type of the message
FIRST_RESPONSE: Final = timedelta(seconds=3)
TOKEN_LIFE: Final = timedelta(minutes=15)
MOST_CHOICES: Final = 25
_FITTING: Final = {
    COMMAND: frozenset({MESSAGE, DEFERRED_MESSAGE}),
    PRESS: frozenset({MESSAGE, DEFERRED_MESSAGE, DEFERRED_UPDATE, UPDATE}),
    AUTOCOMPLETE: frozenset({CHOICES}),
}


class Interactions:
    """Begun by people, answered over REST."""

    def __init__(
        self, clock: Clock, world: World[DiscordState], posts: Posts, messages: Messages, ids: Snowflakes
    ) -> None:
        self._clock = clock
        self._world = world
        self._state = world.state
        self._posts = posts
        self._messages = messages
        self._ids = ids
        self._suggesting: dict[str, asyncio.Future[list[Wire]]] = {}
        self._expecting: dict[str, asyncio.Future[int]] = {}

    # --- people ---

    def begin(self, kind: int, place: Place, user_id: str, data: Wire, name: str, message: Wire | None = None) -> str:
        """Tell the bot; the interaction's id."""
        interaction = Interaction(
            id=self._ids.next(),
            token=secrets.token_urlsafe(48),
            kind=kind,
            channel=place.id,
            user=user_id,
            name=name,
            message=message["id"] if message else None,
        )
        self._keep(interaction)
        event: Wire = {
            "id": interaction.id,
            "application_id": BOT_ID,
            "type": kind,
            "token": interaction.token,
            "version": 1,
            "channel_id": place.id,
            "channel": place.wire,
            "data": data,
            "locale": self._state.locales[user_id],
            "entitlements": [],
            "authorizing_integration_owners": {"0": place.guild_id or "0"},
            "context": 0 if place.guild_id else 1,
            "attachment_size_limit": 10 << 20,
            **self._who(place, user_id),
        }
        if message is not None:
            event["message"] = self._posts.shown(message)
        self._world.tell("INTERACTION_CREATE", event)
        if kind == COMMAND:
            options = {each["name"]: each["value"] for each in data["options"]}
            asked = {"id": interaction.id, "channel_id": place.id, "user_id": user_id, "name": name}
            self._world.tell("command", asked | {"options": options})
        return interaction.id

    async def suggestions(self, interaction_id: str) -> list[Wire]:
        """What the bot suggests; empty when it says nothing in time."""
        answer: asyncio.Future[list[Wire]] = asyncio.get_running_loop().create_future()
        self._suggesting[interaction_id] = answer
        try:
            async with deadline(self._clock, FIRST_RESPONSE.total_seconds()):
                return await answer
        except TimeoutError:
            return []
        finally:
            del self._suggesting[interaction_id]

    async def first_response(self, interaction_id: str) -> int | None:
        """The type of the first response, once it is there; None when none came in time."""
        interaction = self._state.interactions[interaction_id]
        if interaction.response is not None:
            return interaction.response
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._expecting[interaction_id] = answer
        try:
            async with deadline(self._clock, FIRST_RESPONSE.total_seconds()):
                return await answer
        except TimeoutError:
            return None
        finally:
            del self._expecting[interaction_id]

    def _who(self, place: Place, user_id: str) -> Wire:
        user = self._state.users[user_id]
        if place.guild_id is None:
            return {"user": user}
        guild, around = self._state.guilds[place.guild_id], self._state.around(place)
        return {
            "guild_id": guild.id,
            "guild_locale": "zh-TW",
            "guild": {"id": guild.id, "locale": "zh-TW", "features": []},
            "app_permissions": str(rights_in(guild, around, BOT_ID)),
            "member": guild.members[user_id]
            | {"user": user, "permissions": str(rights_in(guild, around, user_id)), "pending": False},
        }

    # --- the first response ---

    async def respond(self, request: Request) -> Wire | None:
        interaction = self._state.interactions.get(request.path["interaction"])
        known = interaction is not None and interaction.token == request.path["token"]
        if interaction is None or not known or self._age(interaction) > FIRST_RESPONSE:
            raise not_found(UNKNOWN_INTERACTION, "interaction")
        if interaction.response is not None:
            raise RestError(400, ALREADY_ACKNOWLEDGED, "Interaction has already been acknowledged.")
        kind = request.form.get("type")
        if kind not in _FITTING[interaction.kind]:
            raise invalid("type", "BASE_TYPE_CHOICES", f"Value must be one of {sorted(_FITTING[interaction.kind])}.")
        data = request.form.get("data") or {}
        inner = Request(request.path, request.query, data, request.uploads, request.host)
        flags = inner.form.get("flags") or 0
        private = isinstance(flags, int) and bool(flags & EPHEMERAL)
        original = await self._first(interaction, kind, inner, private=private)
        done = replace(interaction, response=kind, original=original, private=private)
        self._keep(done)
        self._world.tell("answered", {"id": interaction.id, "response": kind})
        expecting = self._expecting.get(interaction.id)
        if expecting is not None and not expecting.done():
            expecting.set_result(int(kind))
        return self._callback_wire(done) if request.query.get("with_response") in {"true", "True", "1"} else None

    async def _first(self, interaction: Interaction, kind: int, request: Request, *, private: bool) -> str | None:
        """The id of the message that answers, if any."""
        match kind:
            case 8:
                self._suggest(interaction, request.form.get("choices"))
                return None
            case 5:
                flags = LOADING | (EPHEMERAL if private else 0)
                return str(self._write(interaction, {"content": ""}, flags, request, first=True)["id"])
            case 4:
                content = await self._messages.content_of(request)
                flags = EPHEMERAL if private else 0
                return str(self._write(interaction, content, flags, request, first=True)["id"])
            case 7:
                message = self._state.places[interaction.channel].messages[interaction.message or ""]
                changes = await self._messages.changes_of(request, message)
                self._posts.rewrite(message, changes, request.form.get("allowed_mentions"))
        return interaction.message

    def _suggest(self, interaction: Interaction, choices: Any) -> None:
        fit = isinstance(choices, list) and len(choices) <= MOST_CHOICES
        if not fit or not all(isinstance(each, dict) and _is_choice(each) for each in choices):
            raise invalid("data.choices", "BASE_TYPE_BAD_LENGTH", f"Must be {MOST_CHOICES} or fewer in length.")
        waiting = self._suggesting.get(interaction.id)
        if waiting is not None and not waiting.done():
            waiting.set_result(choices)

    def _write(
        self, interaction: Interaction, content: Wire, flags: int, request: Request, *, first: bool = False
    ) -> Wire:
        place = self._state.places[interaction.channel]
        user = self._state.users[interaction.user]
        told = {"id": interaction.id, "type": interaction.kind, "user": user}
        fields: Wire = {"application_id": BOT_ID, "webhook_id": BOT_ID, "flags": flags, "interaction_metadata": told}
        if first and interaction.kind == COMMAND:
            told["name"] = interaction.name
            fields["type"] = COMMAND_ANSWER
        elif interaction.original is not None and interaction.original in place.messages:
            original = place.messages[interaction.original]
            fields |= {"type": REPLY, "message_reference": reference_to(original, place.guild_id)}
        allowed = request.form.get("allowed_mentions")
        return self._posts.write(place, BOT_ID, allowed=allowed, **content, **fields)

    def _callback_wire(self, interaction: Interaction) -> Wire:
        wire: Wire = {"id": interaction.id, "type": interaction.kind, "response_message_id": interaction.original}
        wire |= {"response_message_loading": interaction.response == DEFERRED_MESSAGE}
        wire |= {"response_message_ephemeral": interaction.private}
        message = self._state.places[interaction.channel].messages.get(interaction.original or "")
        resource: Wire = {"type": interaction.response} | ({"message": self._posts.shown(message)} if message else {})
        return {"interaction": wire, "resource": resource}

    # --- afterwards, by token ---

    async def follow_up(self, request: Request) -> Wire:
        """The first one after a deferral takes the place of the deferred answer, and is as private as that."""
        interaction = self._by_token(request)
        content = await self._messages.content_of(request)
        place = self._state.places[interaction.channel]
        original = place.messages.get(interaction.original or "")
        if original is not None and original["flags"] & LOADING:
            edited = self._posts.rewrite(original, content, request.form.get("allowed_mentions"))
            return self._posts.shown(edited)
        flags = request.form.get("flags") or 0
        private = EPHEMERAL if isinstance(flags, int) and flags & EPHEMERAL else 0
        return self._posts.shown(self._write(interaction, content, private, request))

    def get_answer(self, request: Request) -> Wire:
        return self._posts.shown(self._answer(request))

    async def edit_answer(self, request: Request) -> Wire:
        message = self._answer(request)
        changes = await self._messages.changes_of(request, message)
        return self._posts.shown(self._posts.rewrite(message, changes, request.form.get("allowed_mentions")))

    def delete_answer(self, request: Request) -> None:
        self._posts.remove(self._answer(request))

    def _by_token(self, request: Request) -> Interaction:
        found = self._state.interactions.get(self._state.tokens.get(request.path["token"], ""))
        if found is None or request.path["application"] != BOT_ID or found.response is None:
            raise not_found(UNKNOWN_WEBHOOK, "Webhook")
        if self._age(found) > TOKEN_LIFE:
            raise RestError(401, BAD_WEBHOOK_TOKEN, "Invalid Webhook Token")
        return found

    def _answer(self, request: Request) -> Wire:
        interaction = self._by_token(request)
        name = request.path["message"]
        message_id = interaction.original if name == "@original" else name
        message = self._state.places[interaction.channel].messages.get(message_id or "")
        if message is None or message["author"]["id"] != BOT_ID:
            raise not_found(UNKNOWN_MESSAGE, "Message")
        return message

    def _age(self, interaction: Interaction) -> timedelta:
        return self._clock.now() - moment_of(interaction.id)

    def _keep(self, interaction: Interaction) -> None:
        self._world.record({"t": "interaction", "interaction": asdict(interaction)})


def _is_choice(choice: Wire) -> bool:
    name, value = choice.get("name"), choice.get("value")
    return isinstance(name, str) and 1 <= len(name) <= 100 and isinstance(value, str | int | float)
