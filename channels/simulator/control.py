"""What the page and tests in other processes may do, as JSON over HTTP under `/simulator/`."""

import json
from collections.abc import Sequence
from typing import Any, Final, Literal

from aiohttp import web
from pydantic import Field

from channels.clock import Clock, deadline
from channels.simulator.call import call_wire
from channels.simulator.discord.stand_in import DiscordStandIn
from channels.simulator.faults import ANYWHERE, Fault, FaultKind
from channels.simulator.files import FileStore
from channels.simulator.guard import HEADERS, Guard, Handler
from channels.simulator.hub import EventHub
from channels.simulator.model.refusals import REFUSALS
from channels.simulator.model.stand_in import ModelStandIn
from channels.simulator.places import UnknownPlace
from channels.simulator.request import Body, SentFile, sent_once_there, told
from channels.simulator.telegram.people import Line
from channels.simulator.telegram.stand_in import TelegramStandIn
from channels.simulator.telegram.state import BOT_ID, Chat
from channels.simulator.telegram.wire import Wire

MESSAGES_SHOWN: Final = 300  # a chat's messages that a page gets at first
CHATS_SHOWN: Final = 50
PING_SECONDS: Final = 20.0


PHOTOS: Final = frozenset({"image/jpeg", "image/png", "image/webp"})


class _Say(Body):
    chat_id: int
    user_id: int
    text: str = Field(min_length=1, max_length=4096)
    topic: int | None = None
    reply_to: int | None = None

    def line(self) -> Line:
        return Line(self.chat_id, self.user_id, self.text, self.topic, self.reply_to)


class _SayFile(SentFile):
    chat_id: int
    user_id: int


class _SayMany(Body):
    messages: list[_Say]


class _Press(Body):
    chat_id: int
    message_id: int
    callback_data: str
    user_id: int


class _Inject(Body):
    update: dict[str, Any]


class _Person(Body):
    user_id: int
    first_name: str = Field(min_length=1, max_length=64)
    language_code: str = Field("zh-hant", max_length=16)


class _Switch(Body):
    """`on` false clears what fits; `kind` None then means every kind, `target` None every target."""

    platform: Literal["telegram", "discord", "model"] = "telegram"
    kind: FaultKind | Literal["limits"] | None = None
    target: str | None = None
    on: bool = True
    count: int | None = Field(None, ge=1)
    seconds: float = Field(1.0, ge=0, le=600)
    status: int = Field(500, ge=500, le=599)
    reason: str = "engine_overloaded"


class Control:
    """One handler a path. Refuses with 400 and one line what it cannot do."""

    def __init__(
        self,
        clock: Clock,
        telegram: TelegramStandIn,
        discord: DiscordStandIn,
        model: ModelStandIn,
        files: FileStore,
        hub: EventHub,
    ) -> None:
        self._clock = clock
        self._telegram = telegram
        self._discord = discord
        self._model = model
        self._faults_of = {"telegram": telegram.faults, "discord": discord.faults, "model": model.faults}
        self._files = files
        self._hub = hub

    def add_routes(self, router: web.UrlDispatcher, guard: Guard) -> None:
        posts: dict[str, Handler] = {
            "say": self.say,
            "say_many": self.say_many,
            "file": self.say_file,
            "press": self.press,
            "inject": self.inject,
            "people": self.name_person,
            "faults": self.switch_fault,
        }
        gets: dict[str, Handler] = {
            "state": self.show_state,
            "calls": self.show_calls,
            "sent": self.show_sent,
            "faults": self.show_faults,
            "menu": self.show_menu,
            "events": self.stream_events,
            "files/{id}": self.show_file,
        }
        for path, handler in posts.items():
            router.add_post(f"/simulator/{path}", guard.protect(told(handler)))
        for path, handler in gets.items():
            router.add_get(f"/simulator/{path}", guard.protect(told(handler)))

    async def say(self, request: web.Request) -> web.Response:
        line = _Say.model_validate_json(await request.read()).line()
        update_id = self._telegram.say_many([line])[0]
        message_id = self._telegram.chats[line.chat_id].last_message_id
        return web.json_response({"update_id": update_id, "message_id": message_id})

    async def say_many(self, request: web.Request) -> web.Response:
        body = _SayMany.model_validate_json(await request.read())
        return web.json_response({"update_ids": self._telegram.say_many(say.line() for say in body.messages)})

    async def say_file(self, request: web.Request) -> web.Response:
        """A picture goes as a photo, as people's apps send it, anything else as a document."""
        file = _SayFile.model_validate_json(await request.read())
        where = (file.chat_id, file.user_id)
        if file.media_type in PHOTOS:
            update_id = await self._telegram.say_photo(*where, file.data, caption=file.text)
        else:
            update_id = await self._telegram.say_document(
                *where, file.name, file.data, media_type=file.media_type, caption=file.text
            )
        return web.json_response({"update_id": update_id})

    async def press(self, request: web.Request) -> web.Response:
        body = _Press.model_validate_json(await request.read())
        update_id = self._telegram.press(body.chat_id, body.message_id, body.callback_data, body.user_id)
        return web.json_response({"update_id": update_id})

    async def inject(self, request: web.Request) -> web.Response:
        body = _Inject.model_validate_json(await request.read())
        return web.json_response({"update_id": self._telegram.inject(body.update)})

    async def name_person(self, request: web.Request) -> web.Response:
        person = _Person.model_validate_json(await request.read())
        self._telegram.add_user(person.user_id, person.first_name, person.language_code)
        return web.json_response({})

    async def switch_fault(self, request: web.Request) -> web.Response:
        switch = _Switch.model_validate_json(await request.read())
        self._switch_limits(switch)
        faults = self._faults_of[switch.platform]
        if switch.kind == "limits":
            pass
        elif not switch.on:
            faults.clear(switch.kind, switch.target)
        elif switch.kind is None or (switch.kind == "refuse" and switch.reason not in REFUSALS):
            raise ValueError(f"a fault needs a kind, and `refuse` one of the reasons {', '.join(REFUSALS)}")
        else:
            faults.switch_on(
                switch.kind,
                switch.target or ANYWHERE,
                count=switch.count,
                seconds=switch.seconds,
                status=switch.status,
                reason=switch.reason if switch.kind == "refuse" else "",
            )
            if switch.platform == "discord" and switch.kind == "disconnect":
                self._discord.gateway.cut()
        self._hub.publish("faults", self._faults())
        return web.json_response(self._faults())

    def _switch_limits(self, switch: _Switch) -> None:
        """The platforms' own rate limits; they go off with everything else."""
        if switch.kind == "limits" or (switch.kind is None and not switch.on):
            if switch.platform == "telegram":
                self._telegram.limits_on = switch.on
            elif switch.platform == "discord":
                self._discord.limits_on = switch.on

    async def show_faults(self, _request: web.Request) -> web.Response:
        return web.json_response(self._faults())

    async def show_sent(self, request: web.Request) -> web.Response:
        """`chat`: only this one; the rest as `sent_once_there` has it."""
        chat = int(request.query["chat"]) if "chat" in request.query else None
        return await sent_once_there(self._clock, request, lambda count: self._telegram.wait_for_sent(count, chat))

    async def show_state(self, _request: web.Request) -> web.Response:
        telegram = self._telegram
        chats = [*telegram.chats.values()][:CHATS_SHOWN]
        seen = {user for chat in chats for user in [*chat.members][:CHATS_SHOWN]}
        return web.json_response(
            {
                "platform": "telegram",
                "bot": telegram.users[BOT_ID],
                "users": [user for user_id, user in telegram.users.items() if user_id in seen],
                "chats": [_chat_wire(chat) for chat in chats],
                "pending": len(telegram.pending),
                "polled": telegram.updates.is_polled,
                "calls": dict(telegram.calls),
                "recent": [
                    call_wire(call) for call in [*telegram.api.recent, *self._discord.rest.recent, *self._model.recent]
                ],
                "faults": self._faults(),
            }
        )

    async def show_calls(self, _request: web.Request) -> web.Response:
        """How often each Bot API method was called: cheap enough to be asked many times a second."""
        return web.json_response(dict(self._telegram.calls))

    async def show_menu(self, request: web.Request) -> web.Response:
        chat = self._telegram.chats.get(int(request.query.get("chat", 0)))
        if chat is None:
            raise UnknownPlace("no such chat")
        return web.json_response({"commands": self._telegram.state.menu(chat, int(request.query.get("user", 0)))})

    async def show_file(self, request: web.Request) -> web.Response:
        file = self._telegram.state.files.get(request.match_info["id"])
        data = await self._files.get(file.id) if file else None
        if file is None or data is None:
            raise web.HTTPNotFound
        response = web.Response(body=data, content_type="application/octet-stream")
        response.headers["Content-Disposition"] = "attachment"
        return response

    async def stream_events(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events of all that happens from now on."""
        response = web.StreamResponse(headers=HEADERS | {"Content-Type": "text/event-stream"})
        with self._hub.watch() as queue:
            await response.prepare(request)
            await response.write(b": here\n\n")
            while True:
                try:
                    async with deadline(self._clock, PING_SECONDS):
                        event = await queue.get()
                except TimeoutError:
                    await response.write(b": still here\n\n")
                    continue
                if event is None:
                    return response
                await response.write(f"event: {event.kind}\ndata: {json.dumps(event.data)}\n\n".encode())

    def _faults(self) -> dict[str, Any]:
        return {
            "limits": {"telegram": self._telegram.limits_on, "discord": self._discord.limits_on},
            "telegram": _fault_list(self._telegram.faults.active),
            "discord": _fault_list(self._discord.faults.active),
            "model": _fault_list(self._model.faults.active),
        }


def _fault_list(faults: Sequence[Fault]) -> list[dict[str, Any]]:
    return [
        {
            "kind": fault.kind,
            "target": fault.target,
            "remaining": fault.remaining,
            "seconds": fault.seconds,
            "status": fault.status,
            "reason": fault.reason,
        }
        for fault in faults
    ]


def _chat_wire(chat: Chat) -> Wire:
    return {
        "chat": chat.wire,
        "members": [user for user in [*chat.members][:CHATS_SHOWN] if user != BOT_ID],
        "topics": {str(thread): name for thread, name in chat.topics.items()},
        "messages": [*chat.messages.values()][-MESSAGES_SHOWN:],
    }
