"""The roads of turns that clients ask for at `/v1/chat/completions`: all that is kept of them."""

import asyncio
import logging
import uuid
from dataclasses import dataclass

from bot.agents.port import Agent, AgentFailed, Answer, Turn
from bot.methods.desk import Desk
from bot.pipeline.noting import note_turn
from bot.reasons import Reason
from bot.storage.errors import StorageError
from bot.trace.road import Road
from channels.message import Destination, InboundMessage
from routing.address import Address, Peer

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Visit:
    """One request that is answered. `number` is what the client calls its completion, and the road its message."""

    number: str
    agent: Agent
    turn: Turn
    road: Road


class ClientRoads:
    """An answer is worth more than its road: a database that refuses a road is only logged."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def begin(self, agent: Agent, turn: Turn, place: Destination, *, asked_for: bool) -> Visit:
        """`place` is the channel `openai`, the token's name and its user; `asked_for`: the client named the agent."""
        number, now = f"chatcmpl-{uuid.uuid4().hex}", turn.moment
        address = Address(place.channel, place.account, Peer("direct", place.chat), sender=place.chat)
        message = InboundMessage(address, place, number, "", turn.sender_name, now)
        road = Road(0, number, message, now, turn.session_key, agent.id)
        road.note("gate", Reason.ADMITTED, now, token=place.account)
        code = Reason.AGENT_ASKED_FOR if asked_for else Reason.DEFAULT_AGENT
        road.note("binding", code, now, agent=agent.id)
        road.note("session", Reason.IN_SESSION, now, session_key=turn.session_key)
        road.note("turn", Reason.TURN_BEGUN, now)
        return Visit(number, agent, turn, road)

    async def answered(self, road: Road, answer: Answer) -> None:
        note_turn(road, self._desk.clock, answer.attempts, Reason.ANSWERED)
        await self._write(road, None)

    async def failed(self, road: Road, error: BaseException) -> None:
        """`error` is what ended the turn; its cause is the failure itself."""
        cause = error.__cause__
        attempts = cause.attempts if isinstance(cause, AgentFailed) else ()
        reason = _reason(error)
        note_turn(road, self._desk.clock, attempts, reason)
        detail = f": {type(cause).__name__}" if reason is Reason.FAILED and cause is not None else ""
        await self._write(road, f"{reason}{detail}")

    async def _write(self, road: Road, reason: str | None) -> None:
        statements = self._desk.traces.record_passing(road, reason)
        try:
            if statements:
                await self._desk.storage.commit(statements)
        except StorageError as error:
            log.warning("A road could not be written", extra={"road": road.update_id, "error": str(error)})


def _reason(error: BaseException) -> Reason:
    if isinstance(error, asyncio.CancelledError):
        return Reason.CLIENT_LEFT
    if isinstance(error.__cause__, AgentFailed):
        return Reason(error.__cause__.reason)
    return Reason.TOOK_TOO_LONG if isinstance(error.__cause__, TimeoutError) else Reason.FAILED
