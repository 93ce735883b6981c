"""The road of a message, in one file: stored → parsed → gate → route → command or turn → rows → sent.

Each update ends in ONE transaction that holds all its effects and closes its inbox row; until then it is on disk as
`stored` and the next start takes it up again.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from bot.agents.port import Agent
from bot.catalogue import Catalogue, Language
from bot.command import Call, Opened, Reply, Sees
from bot.commands import Commands
from bot.inbox import InboxStore, StoredUpdate
from bot.pipeline.albums import GATHERING_SECONDS, Albums
from bot.pipeline.attachments import open_files
from bot.pipeline.chat_changes import ChatChanges
from bot.pipeline.endings import CHANGES_LANE, Endings
from bot.pipeline.errand import Errand, answer_to, asks, read_command
from bot.pipeline.gate import Gate
from bot.pipeline.outgoing import Outgoing
from bot.pipeline.route import route
from bot.pipeline.suspects import MOST_BEGUN_AGAIN, Suspects
from bot.pipeline.turns import Ended, Turns
from bot.reasons import Reason
from bot.sessions.lanes import Lanes
from bot.sessions.store import SessionStore
from bot.sessions.transcript import Conversation
from bot.storage.errors import GuardFailed
from bot.storage.patience import patiently
from bot.storage.port import Storage
from bot.trace.road import Road
from channels.clock import Clock
from channels.errors import Unparsable
from channels.json_text import read_json
from channels.message import ChatChange, Destination, InboundMessage, JsonObject
from channels.port import Channel, Suggestion
from routing.table import Table

log = logging.getLogger(__name__)

ANSWERS: Final = {"allow": True, "deny": False}
"""What a press on a button below an agent's question says (bot/pipeline/questions.py)."""


class Path:
    """Walks updates down the road. `table` and `agents` may be replaced while running."""

    def __init__(
        self,
        *,
        storage: Storage,
        clock: Clock,
        inbox: InboxStore,
        sessions: SessionStore,
        lanes: Lanes,
        gate: Gate,
        table: Table,
        agents: Mapping[str, Agent],
        commands: Commands,
        chat_changes: ChatChanges,
        outgoing: Outgoing,
        catalogue: Catalogue,
        language: Language,
        turns: Turns,
        endings: Endings,
    ) -> None:
        self._chat_changes = chat_changes
        self._outgoing = outgoing
        self._clock = clock
        self._sessions = sessions
        self._suspects = Suspects(storage, clock, inbox, lanes)
        self._lanes = lanes
        self._gate = gate
        self.table = table
        self.agents = agents
        self._commands = commands
        self._catalogue = catalogue
        self._language = language
        self._turns = turns
        self._endings = endings
        self._waiting: dict[tuple[Destination, str], Errand] = {}
        self._albums = Albums()

    def take(self, update: StoredUpdate, channel: Channel, finished: Callable[[], None]) -> None:
        """Begin an update's road; `finished` is called at its end. Never waits, never raises."""
        try:
            raw = read_json(update.raw)
            message = channel.parse(raw)
        except (Unparsable, ValueError) as error:
            log.warning("An update cannot be read; it is set aside", extra={"update": update.id, "error": str(error)})
            self._endings.skip(update, finished, "quarantined", f"{Reason.UNPARSABLE}: {error}")
            return
        except Exception as fault:
            log.exception("A channel failed with an update; it is set aside", extra={"update": update.id})
            self._endings.skip(update, finished, "quarantined", f"{Reason.UNPARSABLE}: {type(fault).__name__}")
            return
        if message is None:
            self._endings.skip(update, finished, "done", Reason.NOTHING_TO_ANSWER)
            return
        if isinstance(message, ChatChange):
            self._chat_changed(update, finished, message)
            return
        if message.kind == "button":
            self._lanes.submit(f"press {update.id}", lambda: channel.acknowledge_press(raw), brief=True)
        language = self._catalogue.language_for(message.language, self._language)
        road = Road(update.id, update.update_id, message, self._clock.now())
        errand = Errand(update, channel, finished, message, language, road)
        # A change that came before may open this chat, or be its move from where its settings and its past are.
        self._lanes.after(CHANGES_LANE, lambda: self._enter(errand))

    async def suggest(self, channel: Channel, raw: JsonObject, command: str, typed: str) -> Sequence[Suggestion]:
        """What may follow `typed` as the command's argument; nothing for whom the gate refuses."""
        message = channel.parse(raw)
        if not isinstance(message, InboundMessage) or self._gate.refusal(message, addressed=True) is not None:
            return ()
        road = Road(0, "", message, self._clock.now())  # nobody asks for the road of what is being typed
        agent, session_key = route(road, self.table, self._gate, self._clock.now())
        language = self._catalogue.language_for(message.language, self._language)
        return await self._commands.suggest(command, Call(typed, message, agent, session_key, language))

    def _enter(self, errand: Errand) -> None:
        try:
            self._find_way(errand)
        except Exception as fault:
            log.exception("An update failed; it is set aside", extra={"update": errand.update.id})
            reason = f"{Reason.FAILED}: {type(fault).__name__}"
            self._endings.skip(errand.update, errand.finished, "quarantined", reason)

    def _find_way(self, errand: Errand) -> None:
        """Through the gate, to what it is to become."""
        if self._albums.join(errand):
            return
        message = errand.message
        name, arguments = read_command(message)
        refusal = self._gate.refusal(message, addressed=name is not None)
        errand.road.note("gate", refusal.reason if refusal else Reason.ADMITTED, self._clock.now())
        if refusal is not None:
            if refusal.reason is Reason.DM_NOT_PAIRED:
                self._submit(
                    f"pairing {message.origin}", errand, lambda: self._endings.offer_pairing(errand), brief=True
                )
            else:
                self._endings.refuse(errand, refusal.reason)
            return
        if message.kind == "edit":
            self._edit(errand)
            return
        errand.message = self._gate.with_quoted(message)
        self._lead(errand, name, arguments)

    def _lead(self, errand: Errand, name: str | None, arguments: str) -> None:
        """To the agent, or to the command `name`."""
        message = errand.message
        agent, session_key = route(errand.road, self.table, self._gate, self._clock.now())
        answering = self.agents.get(agent)  # this one to the end, also where the bindings change meanwhile
        if answering is None:
            errand.road.note("binding", Reason.UNKNOWN_AGENT, self._clock.now(), agent=agent)
            self._endings.refuse(errand, Reason.UNKNOWN_AGENT)
            return
        self._albums.gather(errand)
        call = Call(arguments, message, agent, session_key, errand.language, self._opener(errand))
        if name is None:
            name = self._commands.in_plain_words(call)
        if name is None or (name == "ask" and asks(message, arguments)):
            errand.message = message if arguments == message.text else replace(message, text=arguments)
            self._waiting[message.origin, message.message_id] = errand
            # Behind the commands that came before in this chat: `/new` changes what is read.
            self._lanes.after(_command_lane(message), lambda: self._ask(errand, answering, session_key))
        elif name in ANSWERS:
            allow = ANSWERS[name]
            answer = partial(self._answer_question, errand, answering, self._sessions.current(session_key), call)
            self._submit(session_key, errand, lambda: answer(allow=allow))
        else:
            command = name
            self._submit(_command_lane(message), errand, lambda: self._command(errand, command, call), brief=True)

    def _opener(self, errand: Errand) -> Callable[[str, Sees], Awaitable[Opened]]:
        async def open_with(text: str, sees: Sees) -> Opened:
            message = errand.message
            limits = self._gate.file_limits(message.origin.channel)
            return await open_files(errand.channel, replace(message, text=text), limits, sees)

        return open_with

    def _edit(self, edit: Errand) -> None:
        """An edited question replaces the text until its turn begins."""
        original = self._waiting.get((edit.message.origin, edit.message.message_id))
        if original is None:
            self._endings.come_too_late(edit)
            return
        original.message = replace(original.message, text=read_command(edit.message)[1])
        original.edits.append(edit)

    def _ask(self, errand: Errand, agent: Agent, session_key: str) -> None:
        turn = partial(self._turn, errand, agent, self._sessions.current(session_key))
        self._submit(session_key, errand, turn)

    async def _turn(self, errand: Errand, agent: Agent, conversation: Conversation) -> None:
        self._waiting.pop((errand.message.origin, errand.message.message_id), None)
        errand.road.note("turn", Reason.TURN_BEGUN, self._clock.now(), attempt=errand.attempt)
        await self._end_turn(errand, agent, await self._turns.run(errand, agent, conversation))

    async def _answer_question(
        self, errand: Errand, agent: Agent, conversation: Conversation, call: Call, *, allow: bool
    ) -> None:
        errand.road.note("turn", Reason.TURN_BEGUN, self._clock.now(), allowed=allow)
        ended = await self._turns.answer_question(errand, agent, conversation, call, allow=allow)
        await self._end_turn(errand, agent, ended)

    async def _end_turn(self, errand: Errand, agent: Agent, ended: Ended) -> None:
        await self._endings.finish(errand, ended.said, ended.kept, ended.tokens, ended.reason)
        self._turns.follow_up(ended, agent)

    async def _command(self, errand: Errand, name: str, call: Call) -> None:
        errand.road.note("command", Reason.COMMAND_RUN, self._clock.now(), command=name)
        reply = await self._commands.run(name, call)
        try:
            await self._say(errand, reply)
        except GuardFailed as guard:
            if reply.otherwise is None or guard.statement == "inbox.finish":
                raise
            await self._say(errand, Reply(reply.otherwise))
            return
        if reply.after is not None:
            reply.after()

    async def _say(self, errand: Errand, reply: Reply) -> None:
        answer = replace(answer_to(errand.message, reply.text), buttons=reply.buttons, format=reply.format)
        await self._endings.finish(errand, answer, reply.statements)

    def _submit(self, lane: str, errand: Errand, work: Callable[[], Awaitable[None]], *, brief: bool = False) -> None:
        async def job() -> None:
            try:
                if errand.message.album is not None:
                    await self._clock.sleep(GATHERING_SECONDS)
                    self._albums.close(errand)
                async with self._suspects.begun(errand.update, lane) as errand.attempt:
                    # Its channel may have been opened again meanwhile; what is closed fetches no files.
                    errand.channel = self._outgoing.channel(errand.message.origin) or errand.channel
                    if errand.attempt <= 1 + MOST_BEGUN_AGAIN:
                        # Its end is one transaction, so it may be begun anew, as after a crash.
                        await patiently(self._clock, work, errand.update.source_id)
                    else:
                        await self._endings.set_aside(errand)
            except GuardFailed:
                log.warning("An update was ended by somebody else", extra={"update": errand.update.id})
            except Exception as error:
                log.exception("An update failed; it is set aside", extra={"update": errand.update.id})
                await self._endings.give_up(errand, f"{Reason.FAILED}: {type(error).__name__}")
            finally:
                self._waiting.pop((errand.message.origin, errand.message.message_id), None)
                for each in (errand, *errand.edits):
                    each.finished()

        self._lanes.submit(lane, job, brief=brief)

    def _chat_changed(self, update: StoredUpdate, finished: Callable[[], None], change: ChatChange) -> None:
        by_owner = self._gate.is_owner(change.chat.channel, change.by)
        reason, effects = self._chat_changes.told(change, by_owner=by_owner)
        self._endings.skip(update, finished, "done", reason, effects)


def _command_lane(message: InboundMessage) -> str:
    return f"command {message.origin}"
