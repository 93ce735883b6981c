"""One turn of an agent: what it is told, what it answers, and what of both is kept."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

from bot import words
from bot.agents.port import Agent, AgentFailed, Answer, Sees, Turn
from bot.catalogue import Catalogue
from bot.command import Call
from bot.events import Events
from bot.pipeline.attachments import describe_files, name_files, open_files, show_again
from bot.pipeline.compactor import Compactor
from bot.pipeline.draft import Draft, Drafts, unfinished
from bot.pipeline.errand import Errand, answer_to
from bot.pipeline.gate import Gate
from bot.pipeline.noting import note_turn
from bot.pipeline.questions import Questions
from bot.pipeline.telling import Telling
from bot.pipeline.typing_sign import TypingSign
from bot.providers.port import ToolCall
from bot.reasons import Reason
from bot.sessions.store import SessionStore
from bot.sessions.transcript import Conversation, Record
from bot.storage.port import Statement
from bot.tools.port import Audience, Effect, Principal
from channels.clock import Clock
from channels.message import InboundMessage, OutboundMessage

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a turn ended: what to say, and `kept`, the statements of its transaction. `reason` None: with an answer.

    `turn` None: the agent was not asked. `said` None: somebody stopped it, and nothing is said.
    """

    turn: Turn | None
    said: OutboundMessage | None
    kept: Sequence[Statement] = ()
    records: int = 0
    tokens: int = 0
    reason: Reason | None = None
    effects: Sequence[Effect] = ()


@dataclass(slots=True)
class _UnderWay:
    """A turn that an agent thinks about, in the task of its lane; `sender` is who asked."""

    task: asyncio.Task[Any]
    sender: str | None
    stopped: bool = False

    def stop(self) -> bool:
        """False when somebody has stopped it already."""
        if self.stopped:
            return False
        self.stopped = True
        return self.task.cancel()


class Turns:
    """Runs turns. Nothing of one is on disk before the statements of its end are committed."""

    def __init__(
        self,
        *,
        clock: Clock,
        drafts: Drafts,
        sessions: SessionStore,
        gate: Gate,
        catalogue: Catalogue,
        events: Events,
        compactor: Compactor,
        questions: Questions,
    ) -> None:
        self._clock = clock
        self._drafts = drafts
        self._sessions = sessions
        self._gate = gate
        self._catalogue = catalogue
        self._events = events
        self._compactor = compactor
        self._questions = questions
        self._typing = TypingSign(clock)
        self._under_way: dict[str, _UnderWay] = {}

    def stop(self, call: Call) -> bool:
        """End the turn that this conversation waits for; True where it was the caller's own, or an owner calls."""
        turn, address = self._under_way.get(call.session_key), call.message.address
        if turn is None:
            return False
        may = turn.sender == address.sender or self._gate.is_owner(call.message.origin.channel, address.sender)
        return may and turn.stop()

    async def answer_question(
        self, errand: Errand, agent: Agent, conversation: Conversation, call: Call, *, allow: bool
    ) -> Ended:
        """The asker allows what the agent wanted to do, or does not: the first leads to a turn that does it."""
        approval = await self._questions.take(call, allow=allow)
        if isinstance(approval, str):
            return Ended(None, answer_to(errand.message, self._catalogue.say(errand.language, approval)))
        word = words.APPROVAL_GIVEN if allow else words.APPROVAL_DENIED
        text = self._catalogue.say(errand.language, word, tool=approval.tool)
        errand.message = replace(errand.message, text=text)
        if not allow:
            kept = self._sessions.append(conversation, agent.id, [_asked(errand.message)])
            return Ended(None, answer_to(errand.message, text), kept)
        approved = ToolCall(f"call_{approval.nonce}", approval.tool, approval.arguments)
        return await self.run(errand, agent, conversation, approved)

    async def run(
        self, errand: Errand, agent: Agent, conversation: Conversation, approved: ToolCall | None = None
    ) -> Ended:
        """The turn, with what its agent answered or why it did not. `approved` is done before the agent thinks."""
        message = errand.message
        draft = self._drafts.of(errand)
        turn = self._turn(errand, agent, conversation, draft, approved)
        asked = _asked(message)
        try:
            with self._typing.during(errand):
                turn = await self._with_files(turn, errand, agent)
                async with nullcontext() if draft is None else draft.showing():
                    answer = await self._answer(agent, turn, message.address.sender)
        except AgentFailed as failure:
            log.warning("A turn has no answer", extra={"session": conversation.key, "reason": failure.reason})
            reason = Reason(failure.reason)
            note_turn(errand.road, self._clock, failure.attempts, reason)
            text = self._catalogue.say(errand.language, words.FAILURES[failure.reason])
            kept = self._sessions.append(conversation, agent.id, [asked])
            return Ended(turn, answer_to(message, text), kept, records=1, reason=reason)
        if answer is None:
            return self._stopped(errand, turn, agent, conversation, draft)
        note_turn(errand.road, self._clock, answer.attempts, Reason.ANSWERED)
        records = [asked, *answer.steps, self._said(answer)]
        kept = self._sessions.append(conversation, agent.id, records)
        kept += [statement for effect in answer.effects for statement in effect.statements]
        said = answer_to(message, answer.text, "markdown")
        with_buttons = errand.channel.capabilities.buttons
        said = self._questions.below(said, answer.questions, errand.language, with_buttons=with_buttons)
        return Ended(turn, said, kept, len(records), answer.tokens, effects=answer.effects)

    def _stopped(
        self, errand: Errand, turn: Turn, agent: Agent, conversation: Conversation, draft: Draft | None
    ) -> Ended:
        """What was shown of the answer stays, and is remembered; what was not is as if it had never been said."""
        note_turn(errand.road, self._clock, (), Reason.STOPPED)
        records, said = [_asked(errand.message)], None
        if errand.drafts:  # those of an earlier process too, which go away where nothing has been heard since
            text = "" if draft is None else draft.text
            said = unfinished(errand, text, ())
            records += [Record("assistant", text, self._clock.now(), {"stopped": True})] if text else []
        kept = self._sessions.append(conversation, agent.id, records)
        return Ended(turn, said, kept, len(records), reason=Reason.STOPPED)

    def follow_up(self, ended: Ended, agent: Agent) -> None:
        """The turn is on disk: do what belongs after it."""
        if ended.turn is not None:
            self._compactor.said(ended.turn, agent, ended.records)
        for effect in ended.effects:
            if effect.after is not None:
                effect.after()

    async def _answer(self, agent: Agent, turn: Turn, sender: str | None) -> Answer | None:
        """None: somebody stopped the turn."""
        task = cast("asyncio.Task[Any]", asyncio.current_task())
        under_way = self._under_way[turn.session_key] = _UnderWay(task, sender)
        try:
            return await agent.answer(turn)
        except asyncio.CancelledError:
            if task.cancelling() > under_way.stopped:  # not the turn alone: the bot is stopping
                raise
            return None
        finally:
            del self._under_way[turn.session_key]
            if under_way.stopped:
                task.uncancel()

    def _turn(
        self,
        errand: Errand,
        agent: Agent,
        conversation: Conversation,
        draft: Draft | None,
        approved: ToolCall | None,
    ) -> Turn:
        message, session_key = errand.message, conversation.key
        telling = Telling(self._events, session_key, message.message_id)
        heard_by = draft or (None if message.session_key is None else telling)
        return Turn(
            session_key=session_key,
            text=message.text,
            sender_name=message.sender_name,
            is_direct=message.address.peer.kind == "direct",
            moment=self._clock.now(),
            history=lambda most: self._sessions.recall(conversation, most),
            on_delta=None if heard_by is None else heard_by.hear,
            on_begin=None if heard_by is None else heard_by.begin,
            peer=f"{message.origin.channel}:{message.origin.chat}",
            principal=self._principal(errand, agent.id, session_key),
            approved=approved,
        )

    async def _with_files(self, turn: Turn, errand: Errand, agent: Agent) -> Turn:
        channel, message = errand.channel, errand.message
        limits = self._gate.file_limits(message.origin.channel)

        sees = partial(agent.sees, turn.session_key) if isinstance(agent, Sees) else None
        opened = await open_files(channel, message, limits, sees)

        async def history(most: int) -> Sequence[Record]:
            records = await turn.history(most)
            return await show_again(channel, message.origin, records, opened.images, limits, sees)

        return replace(turn, text=opened.text, images=opened.images, history=history)

    def _said(self, answer: Answer) -> Record:
        model = {} if answer.model is None else {"model": answer.model}
        return Record("assistant", answer.text, self._clock.now(), {**answer.metadata, **model})

    def _principal(self, errand: Errand, agent: str, session_key: str) -> Principal:
        """On whose behalf the agent may use tools; where several people talk, it is nobody in particular."""
        message, sender = errand.message, errand.message.address.sender or ""
        audience: Audience = "group"
        if message.address.peer.kind == "direct":
            audience = "owner" if self._gate.is_owner(message.origin.channel, sender) else "direct"
        return Principal(audience, agent, session_key, message.origin, sender, errand.language)


def _asked(message: InboundMessage) -> Record:
    files = {"files": describe_files(message)} if message.attachments else {}
    return Record("user", name_files(message), message.sent_at, {"sender": message.sender_name, **files})
