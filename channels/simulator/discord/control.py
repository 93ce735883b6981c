"""What the page and tests in other processes may do in the simulated Discord, under `/simulator/discord/`."""

from typing import Any, Final, Literal

from aiohttp import web
from pydantic import Field

from channels.clock import Clock
from channels.simulator.discord.interactions import FIRST_RESPONSE
from channels.simulator.discord.snowflakes import moment_of
from channels.simulator.discord.stand_in import DiscordStandIn
from channels.simulator.discord.state import BOT_ID, Place
from channels.simulator.discord.wire import Wire
from channels.simulator.guard import Guard, Handler
from channels.simulator.request import Body, SentFile, sent_once_there, told

MESSAGES_SHOWN: Final = 300  # a channel's messages that a page gets at first
PLACES_SHOWN: Final = 100
TEXT: Final = Field(min_length=1, max_length=4000)


class _Say(Body):
    channel_id: str
    user_id: str
    text: str = TEXT
    reply_to: str | None = None


class _SayFile(SentFile):
    channel_id: str
    user_id: str


class _Command(Body):
    channel_id: str
    user_id: str
    name: str
    options: dict[str, Any] = Field(default_factory=dict)
    wait: bool = False  # for the first response


class _Suggest(Body):
    channel_id: str
    user_id: str
    name: str
    option: str
    typed: str = Field(max_length=6000)


class _Press(Body):
    channel_id: str
    message_id: str
    custom_id: str
    user_id: str


class _Thread(Body):
    channel_id: str
    user_id: str
    name: str = Field(min_length=1, max_length=100)
    at: str | None = None
    text: str = Field("", max_length=4000)


class _Person(Body):
    user_id: str = Field(pattern=r"^[1-9][0-9]{14,19}$")
    name: str = Field(min_length=1, max_length=32)
    locale: str = Field("zh-TW", max_length=16)


class _Gateway(Body):
    do: Literal["reconnect", "invalidate", "cut"]


class DiscordControl:
    """One handler a path. Refuses with 400 and one line what it cannot do."""

    def __init__(self, clock: Clock, discord: DiscordStandIn) -> None:
        self._clock = clock
        self._discord = discord

    def add_routes(self, router: web.UrlDispatcher, guard: Guard) -> None:
        posts: dict[str, Handler] = {
            "say": self.say,
            "file": self.say_file,
            "command": self.command,
            "suggest": self.suggest,
            "press": self.press,
            "thread": self.start_thread,
            "people": self.name_person,
            "gateway": self.disturb_gateway,
        }
        gets: dict[str, Handler] = {
            "state": self.show_state,
            "sent": self.show_sent,
            "calls": self.show_calls,
            "commands": self.show_commands,
        }
        for path, handler in posts.items():
            router.add_post(f"/simulator/discord/{path}", guard.protect(told(handler)))
        for path, handler in gets.items():
            router.add_get(f"/simulator/discord/{path}", guard.protect(told(handler)))

    async def say(self, request: web.Request) -> web.Response:
        say = _Say.model_validate_json(await request.read())
        message_id = self._discord.say(say.channel_id, say.user_id, say.text, reply_to=say.reply_to)
        return web.json_response({"message_id": message_id})

    async def say_file(self, request: web.Request) -> web.Response:
        file = _SayFile.model_validate_json(await request.read())
        message_id = await self._discord.say_with_file(
            file.channel_id, file.user_id, file.text, file.name, file.data, file.media_type
        )
        return web.json_response({"message_id": message_id})

    async def command(self, request: web.Request) -> web.Response:
        body = _Command.model_validate_json(await request.read())
        interaction = self._discord.command(body.channel_id, body.user_id, body.name, body.options)
        answer: Wire = {"interaction_id": interaction}
        return web.json_response(
            answer | {"response": await self._discord.first_response(interaction)} if body.wait else answer
        )

    async def suggest(self, request: web.Request) -> web.Response:
        body = _Suggest.model_validate_json(await request.read())
        choices = await self._discord.suggest(body.channel_id, body.user_id, body.name, body.option, body.typed)
        return web.json_response({"choices": choices})

    async def press(self, request: web.Request) -> web.Response:
        body = _Press.model_validate_json(await request.read())
        interaction = self._discord.press(body.channel_id, body.message_id, body.custom_id, body.user_id)
        return web.json_response({"interaction_id": interaction})

    async def start_thread(self, request: web.Request) -> web.Response:
        body = _Thread.model_validate_json(await request.read())
        thread = self._discord.start_thread(body.channel_id, body.user_id, body.name, at=body.at, text=body.text)
        return web.json_response({"channel_id": thread})

    async def name_person(self, request: web.Request) -> web.Response:
        person = _Person.model_validate_json(await request.read())
        self._discord.add_user(person.user_id, person.name, person.locale)
        return web.json_response({})

    async def disturb_gateway(self, request: web.Request) -> web.Response:
        gateway = self._discord.gateway
        do = {"reconnect": gateway.ask_to_reconnect, "invalidate": gateway.invalidate, "cut": gateway.cut}
        do[_Gateway.model_validate_json(await request.read()).do]()
        return web.json_response({})

    async def show_state(self, _request: web.Request) -> web.Response:
        discord = self._discord
        state = discord.state
        guilds = [guild.wire | {"members": [*guild.members]} for guild in state.guilds.values()]
        return web.json_response(
            {
                "platform": "discord",
                "bot": state.users[BOT_ID],
                "users": [user for user_id, user in state.users.items() if user_id != BOT_ID],
                "guilds": guilds,
                "channels": [self._place(place) for place in [*state.places.values()][-PLACES_SHOWN:]],
                "waiting": self._waiting(),
                "connected": discord.gateway.is_connected,
                "message_content": state.message_content,
                "calls": dict(discord.calls),
            }
        )

    async def show_sent(self, request: web.Request) -> web.Response:
        """`channel`: only this one; the rest as `sent_once_there` has it."""
        channel = request.query.get("channel")
        return await sent_once_there(self._clock, request, lambda count: self._discord.wait_for_sent(count, channel))

    async def show_calls(self, _request: web.Request) -> web.Response:
        """How often each route was called."""
        return web.json_response(dict(self._discord.calls))

    async def show_commands(self, request: web.Request) -> web.Response:
        """What is offered in `channel` to `user`; without `user`, to one who may do nothing special."""
        channel, user = request.query.get("channel", ""), request.query.get("user", "")
        return web.json_response({"commands": self._discord.commands(channel, user)})

    def _place(self, place: Place) -> Wire:
        messages = [*place.messages.values()][-MESSAGES_SHOWN:]
        return {"channel": place.wire, "messages": [self._discord.shown(message) for message in messages]}

    def _waiting(self) -> list[Wire]:
        """Commands that still may get their first response."""
        now = self._clock.now()
        return [
            {"id": each.id, "channel_id": each.channel, "user_id": each.user, "name": each.name}
            for each in self._discord.state.interactions.values()
            if each.response is None and now - moment_of(each.id) <= FIRST_RESPONSE
        ]
