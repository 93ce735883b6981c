"""The gateway's OpenAI-compatible door: `POST /v1/chat/completions`, `GET /v1/models`.

Each request brings its whole conversation: nothing of it is kept but its turn's road, and an answer that breaks off is
lost. What must not be lost goes through `chat.send`.
"""

import asyncio
import hashlib
import logging
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from bot.agents.port import Agent, AgentFailed, Answer, Turn
from bot.gateway import openai_wire as wire
from bot.gateway.client_roads import ClientRoads, Visit
from bot.gateway.guard import Refused, read_json_body
from bot.gateway.openai_wire import ChatRequest, WireFault
from bot.methods.desk import Caller, Desk
from bot.tools.port import Effect, Principal
from channels.clock import deadline
from channels.message import Destination

log = logging.getLogger(__name__)

ANSWER_SECONDS: Final = 600.0
MOST_AT_ONCE: Final = 256
UNREAD_PIECES: Final = 10_000
_FAILURES: Final[Mapping[str, tuple[int, str, str]]] = {
    "model_unreachable": (502, "server_error", "the model cannot be reached right now"),
    "model_busy": (429, "rate_limit_error", "the model is busy: try again in a minute"),
    "model_refused": (400, "invalid_request_error", "the model will not answer this"),
    "model_misconfigured": (500, "server_error", "the model's settings need the owner's attention"),
    "budget_spent": (429, "insufficient_quota", "the budget for today is spent"),
}


class OpenAiDoor:
    """`caller_of` knows who sent a request; `body_bytes` bounds what it may hold."""

    def __init__(self, desk: Desk, caller_of: Callable[[Mapping[str, str]], Caller], body_bytes: int) -> None:
        self._desk = desk
        self._caller_of = caller_of
        self._body_bytes = body_bytes
        self._under_way = 0
        self._roads = ClientRoads(desk)

    def add_routes(self, app: FastAPI) -> None:
        """Plain routes: what FastAPI would do for each call is done here by hand, at a third of the cost."""
        app.add_route("/v1/chat/completions", self.complete, methods=["POST"])
        app.add_route("/v1/models", self.list_models, methods=["GET"])
        app.add_route("/v1/models/{model:path}", self.get_model, methods=["GET"])

    async def list_models(self, request: Request) -> JSONResponse:
        try:
            self._name(request)
        except WireFault as fault:
            return _told(fault)
        return JSONResponse(wire.models_body(list(self._desk.live.agents)))

    async def get_model(self, request: Request) -> JSONResponse:
        model = str(request.path_params["model"])
        try:
            self._name(request)
            agent = model.removeprefix("javis/")
            if agent not in self._desk.live.agents:
                raise wire.unknown_model(model)
        except WireFault as fault:
            return _told(fault)
        return JSONResponse(wire.model_body(agent))

    async def complete(self, request: Request) -> Response:
        try:
            name = self._name(request)
            asked = wire.read_request(await read_json_body(request, self._body_bytes, self._desk.clock))
            wanted = wire.agent_of(asked, request.headers.get(wire.AGENT_HEADER))
            agent, place = self._agent(wanted), Destination("openai", name, _user(asked, name))
            turn = self._turn(asked, agent.id, place)
            visit = self._roads.begin(agent, turn, place, asked_for=wanted is not None)
            self._check_room()
            if asked.stream:
                events = self._stream(asked, visit)
                return StreamingResponse(events, media_type="text/event-stream", headers={"Cache-Control": "no-store"})
            answer = await self._answer(visit, request)
        except WireFault as fault:
            return _told(fault)
        except Refused as refusal:
            return _told(WireFault(refusal.status, refusal.words))
        model, now = f"javis/{agent.id}", self._desk.clock.now()
        return JSONResponse(wire.completion(visit.number, model, answer.text, answer.usage, now))

    def _check_room(self) -> None:
        if self._under_way >= MOST_AT_ONCE:
            raise WireFault(429, "too many requests at once: try again in a moment", "rate_limit_error")

    def _name(self, request: Request) -> str:
        name = self._caller_of(request.headers).name
        if name is None:
            words = "a good Bearer token is needed: make one with javis token create"
            raise WireFault(401, words, "authentication_error", "invalid_api_key")
        return name

    def _agent(self, wanted: str | None) -> Agent:
        agents = self._desk.live.agents
        wanted = wanted or self._desk.table().defaults.agent
        if wanted not in agents:
            raise wire.unknown_model(wanted)
        return agents[wanted]

    def _turn(self, asked: ChatRequest, agent: str, place: Destination) -> Turn:
        """Tools are used as for a stranger: a program's user is nobody whom the owner knows."""
        now, user = self._desk.clock.now(), place.chat
        key = f"agent:{agent}:openai:direct:{user}"
        return Turn(
            session_key=key,
            text=asked.messages[-1].text,
            images=asked.messages[-1].images,
            sender_name=asked.messages[-1].name or "",
            is_direct=True,
            moment=now,
            history=_no_history,
            given=wire.conversation(asked, now),
            peer=f"openai:{user}",
            principal=Principal("direct", agent, key, place, user, "en", can_confirm=False),
            instructions=wire.instructions(asked),
            temperature=asked.temperature,
            max_tokens=asked.most_tokens,
        )

    async def _answer(self, visit: Visit, request: Request) -> Answer:
        """Raises WireFault. A client that leaves ends the turn."""
        answering = asyncio.create_task(self._noted(visit), name=f"openai {visit.agent.id}")
        leaving = asyncio.ensure_future(request.receive())
        try:
            await asyncio.wait((answering, leaving), return_when=asyncio.FIRST_COMPLETED)
            if not answering.done():
                raise WireFault(499, "the client left")
            return answering.result()
        finally:
            for task in (answering, leaving):
                task.cancel()
            await asyncio.gather(answering, leaving, return_exceptions=True)

    async def _noted(self, visit: Visit) -> Answer:
        """The turn, with its road to its end."""
        self._under_way += 1
        try:
            answer = await self._bounded(visit.agent, visit.turn)
        except BaseException as error:
            await self._roads.failed(visit.road, error)
            raise
        else:
            await self._roads.answered(visit.road, answer)
            return answer
        finally:
            self._under_way -= 1

    async def _bounded(self, agent: Agent, turn: Turn) -> Answer:
        try:
            async with deadline(self._desk.clock, ANSWER_SECONDS):
                answer = await agent.answer(turn)
            await self._do(answer.effects)
        except AgentFailed as failure:
            log.warning("A client has no answer", extra={"agent": agent.id, "reason": failure.reason})
            status, kind, words = _FAILURES[failure.reason]
            raise WireFault(status, words, kind, failure.reason) from failure
        except TimeoutError as error:
            raise WireFault(504, f"no answer within {ANSWER_SECONDS:g} s", "server_error") from error
        except Exception as error:
            number = uuid.uuid4().hex[:12]
            log.exception("A client's turn failed", extra={"agent": agent.id, "error_id": number})
            words = f"something went wrong here (error {number} in the log)"
            raise WireFault(500, words, "server_error") from error
        else:
            return answer

    async def _do(self, effects: Sequence[Effect]) -> None:
        statements = [statement for effect in effects for statement in effect.statements]
        if statements:
            await self._desk.storage.commit(statements)
        for effect in effects:
            if effect.after is not None:
                effect.after()

    async def _stream(self, asked: ChatRequest, visit: Visit) -> AsyncIterator[bytes]:
        """The events of an answer. What was streamed and is not the answer's end is followed by the whole answer."""
        number, model, now = visit.number, f"javis/{visit.agent.id}", self._desk.clock.now()

        def piece(*choices: dict[str, Any]) -> dict[str, Any]:
            return wire.chunk(number, model, now, choices)

        sent: list[str] = []
        yield wire.event(piece(wire.choice({"role": "assistant", "content": ""})))
        async with self._pieces(visit) as (pieces, answering):
            while (text := await pieces.get()) is not None:
                sent.append(text)
                yield wire.event(piece(wire.choice({"content": text})))
            try:
                answer = await answering
            except WireFault as fault:
                yield wire.event(fault.body())
                return
        rest = _unsent(answer.text, "".join(sent))
        if rest:
            yield wire.event(piece(wire.choice({"content": rest})))
        yield wire.event(piece(wire.choice({}, "stop")))
        if asked.wants_usage:
            yield wire.event({**piece(), "usage": wire.usage_body(answer.usage)})
        yield wire.event("[DONE]")

    @asynccontextmanager
    async def _pieces(self, visit: Visit) -> AsyncIterator[tuple[asyncio.Queue[str | None], asyncio.Task[Answer]]]:
        """The answer's pieces as they come, None after the last; leaving the block ends the turn."""
        pieces: asyncio.Queue[str | None] = asyncio.Queue()

        def take(text: str) -> None:
            if text and pieces.qsize() < UNREAD_PIECES:  # what a slow reader missed comes with the whole answer
                pieces.put_nowait(text)

        heard = replace(visit, turn=visit.turn.heard_by(take))
        answering = asyncio.create_task(self._noted(heard), name=f"openai {visit.agent.id}")
        answering.add_done_callback(lambda _: pieces.put_nowait(None))
        try:
            yield pieces, answering
        finally:
            answering.cancel()
            with suppress(asyncio.CancelledError, WireFault):
                await answering


def _user(asked: ChatRequest, name: str) -> str:
    """Each user of each token is somebody else."""
    return hashlib.sha256(f"{name}\n{asked.user or ''}".encode("utf-8", "replace")).hexdigest()[:32]


def _unsent(text: str, sent: str) -> str:
    if text.startswith(sent):
        return text[len(sent) :]
    return "" if sent.endswith(text) else f"\n\n{text}"


def _told(fault: WireFault) -> JSONResponse:
    return JSONResponse(fault.body(), fault.status)


async def _no_history(_most: int) -> list[Any]:
    return []
