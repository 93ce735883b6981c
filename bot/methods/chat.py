"""Speaking with an agent: `chat.send`, `chat.send_stream`."""

import uuid
from contextlib import suppress
from typing import Final, Literal, Self

from pydantic import Field, model_validator
from typing_extensions import TypedDict

from bot.events import Event, Listener
from bot.images import MOST_IMAGES, read_image_url
from bot.inbox import source_id
from bot.methods.desk import Caller, Desk
from bot.methods.failure import INVALID_PARAMS, NOT_FOUND, UNAVAILABLE, MethodFailed
from bot.methods.routing import Id, PeerParams, Where, address_of, route_of
from bot.methods.sessions import whole_key
from bot.storage.errors import StorageUnavailable
from channels.clock import deadline
from channels.config import Strict
from channels.web.parse import WEB_ACCOUNT, Said, raw_update
from routing.address import Address, Peer
from routing.session_key import parse_session_key

ANSWER_SECONDS: Final = 600.0
LOOK_SECONDS: Final = 5.0  # at the database, while no event tells the end


class Context(Strict):
    """Another way to say `channel` and `sender`."""

    channel: Id | None = None
    user_id: Id | None = None


class Send(Strict):
    """What somebody says. Either a `session_key`, or where they speak, as bindings see it.

    `message_id` makes repeating harmless: in a session the same id is answered once, with the same answer. null: a
    fresh one.
    `images` are data URLs of JPEG, PNG, GIF or WebP (`data:image/png;base64,…`), for a model that sees.
    """

    text: str = Field(min_length=1, max_length=100_000)
    session_key: str | None = Field(default=None, max_length=1000)
    channel: Id | None = None
    account: Id = "default"
    sender: Id | None = None
    peer: PeerParams | None = None
    thread: Id | None = None
    guild: Id | None = None
    roles: list[Id] = Field(default_factory=list)
    name: str | None = Field(default=None, max_length=200)
    language: str | None = Field(default=None, max_length=35)
    message_id: str | None = Field(default=None, min_length=1, max_length=100)
    context: Context = Field(default_factory=Context)
    images: list[str] = Field(default_factory=list, max_length=MOST_IMAGES)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.session_key is not None and (self.channel or self.peer):
            raise ValueError("give session_key, or channel and peer, not both")
        if not self.text.strip():
            raise ValueError("text says nothing")
        return self


class Answered(TypedDict):
    """The answer. `timestamp` is ISO 8601. `tokens_used` 0 where no model was asked, and where the answer is read from
    the database, which does not keep them."""

    message_id: str
    text: str
    session_key: str
    timestamp: str
    tokens_used: int


class Accepted(TypedDict):
    """The events `chat.start`, `chat.delta` and `chat.end` with this `message_id` follow."""

    message_id: str
    session_key: str
    stream: Literal[True]


async def send(desk: Desk, caller: Caller, params: Send) -> Answered:
    """Say something and wait for the answer."""
    said = _said(desk, caller, params)
    caller.join(said.session_key)

    def is_the_end(event: Event) -> bool:
        about = event.type, event.session_key, event.data.get("message_id")
        return about == ("chat.end", said.session_key, said.id)

    with desk.live.events.listen(is_the_end) as listener:
        answered = None if params.message_id is None else await _answered(desk, said)
        if answered is not None:
            return answered
        await desk.live.say(said)
        try:
            async with deadline(desk.clock, ANSWER_SECONDS):
                return await _answer(desk, said, listener)
        except TimeoutError:
            words = f"no answer within {ANSWER_SECONDS:g} s: it comes as an event, and chat.history will hold it"
            raise MethodFailed(UNAVAILABLE, words) from None


async def send_stream(desk: Desk, caller: Caller, params: Send) -> Accepted:
    """Say something; the answer comes as events."""
    said = _said(desk, caller, params)
    caller.join(said.session_key)
    await desk.live.say(said)
    return {"message_id": said.id, "session_key": said.session_key, "stream": True}


def _said(desk: Desk, caller: Caller, params: Send) -> Said:
    sender = params.sender or params.context.user_id or caller.name or "web"
    if params.session_key is not None:
        key = whole_key(params.session_key)
        address = Address("web", WEB_ACCOUNT, Peer("direct", sender), sender=sender)
        agent = parse_session_key(key).agent
    else:
        where = Where(
            channel=params.channel or params.context.channel or "web",
            account=params.account,
            peer=params.peer,
            thread=params.thread,
            guild=params.guild,
            roles=params.roles,
            sender=sender,
        )
        address = address_of(where)
        route = route_of(desk, address)
        key, agent = route.session_key, route.agent
    if agent not in desk.live.agents:
        raise MethodFailed(NOT_FOUND, f"there is no agent {agent!r} in bindings.yaml")
    try:
        params.text.encode()
    except UnicodeEncodeError:
        raise MethodFailed(INVALID_PARAMS, "text: half of a surrogate pair") from None
    if any(read_image_url(url) is None for url in params.images):
        raise MethodFailed(INVALID_PARAMS, "images: each must be a data URL of a JPEG, PNG, GIF or WebP")
    return Said(
        id=params.message_id or uuid.uuid4().hex,
        text=params.text,
        session_key=key,
        sender=sender,
        name=params.name or sender,
        is_direct=address.peer.kind == "direct",
        language=params.language,
        said_at=desk.clock.now(),
        images=tuple(params.images),
    )


async def _answer(desk: Desk, said: Said, listener: Listener) -> Answered:
    """As its event tells it, or, where that is lost on its way from another machine, the database."""
    while True:
        try:
            async with deadline(desk.clock, LOOK_SECONDS):
                (end, *_) = await listener.read()
        except TimeoutError:
            with suppress(StorageUnavailable):
                answered = await _answered(desk, said)
                if answered is not None:
                    return answered
        else:
            return {
                "message_id": said.id,
                "text": end.data["text"],
                "session_key": said.session_key,
                "timestamp": desk.clock.now().isoformat(),
                "tokens_used": end.data["tokens_used"],
            }


async def _answered(desk: Desk, said: Said) -> Answered | None:
    """The answer that the message was given, as it is on disk; None while it is on its way."""
    update_id = raw_update(said).update_id
    ended = await desk.inbox.ended("web", WEB_ACCOUNT, update_id)
    if ended is None:
        return None
    parts = await desk.outbox.of_source("inbox", source_id("web", WEB_ACCOUNT, update_id))
    return {
        "message_id": said.id,
        "text": "".join(str(part.payload.get("text", "")) for part in parts),
        "session_key": said.session_key,
        "timestamp": ended.isoformat(),
        "tokens_used": 0,
    }
