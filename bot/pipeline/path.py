"""The road of a message, on one screen: stored → parsed → gate → route → command or turn → rows → sent.

Each update ends in ONE transaction that holds all its effects and closes its inbox row; until then it is on disk as
`stored` and the next start takes it up again.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from bot import words
from bot.agents.port import Agent, AgentFailed, Turn
from bot.catalogue import Catalogue, Language
from bot.commands import Call, Commands, Reply
from bot.delivery.item import Source
from bot.events import Events
from bot.inbox import InboxStore, StoredUpdate
from bot.pairing import PairingStore
from bot.pipeline.chat_changes import ChatChanges
from bot.pipeline.gate import Gate
from bot.pipeline.outgoing import Outgoing
from bot.sessions.lanes import Lanes
from bot.sessions.store import SessionStore
from bot.sessions.transcript import Record
from bot.storage.errors import GuardFailed
from bot.storage.patience import commit_patiently
from bot.storage.port import Statement, Storage
from bot.tasks.wording import task_text
from channels.clock import Clock
from channels.errors import Unparsable
from channels.message import ChatChange, Destination, InboundMessage, JsonObject, OutboundMessage
from channels.port import Channel, Suggestion
from routing.session_key import parse_session_key
from routing.table import Table

log = logging.getLogger(__name__)

MOST_TURNS_BEGUN = 3  # a turn whose process died this often is set aside
TYPING_SECONDS = 4.5  # Telegram shows "typing" for five (https://core.telegram.org/bots/api#sendchataction)


@dataclass(slots=True)
class Errand:
    """One update on the road. `edits` are later updates that changed its text before its turn began."""

    update: StoredUpdate
    channel: Channel
    finished: Callable[[], None]
    message: InboundMessage
    language: Language
    session_key: str | None = None
    edits: list["Errand"] = field(default_factory=list)


class Path:
    """Walks updates down the road. `table` and `agents` may be replaced while running."""

    def __init__(
        self,
        *,
        storage: Storage,
        clock: Clock,
        inbox: InboxStore,
        sessions: SessionStore,
        pairings: PairingStore,
        lanes: Lanes,
        gate: Gate,
        table: Table,
        agents: Mapping[str, Agent],
        commands: Commands,
        chat_changes: ChatChanges,
        outgoing: Outgoing,
        catalogue: Catalogue,
        language: Language,
        events: Events,
    ) -> None:
        self._chat_changes = chat_changes
        self._storage = storage
        self._clock = clock
        self._inbox = inbox
        self._sessions = sessions
        self._pairings = pairings
        self._lanes = lanes
        self._gate = gate
        self.table = table
        self.agents = agents
        self._commands = commands
        self._outgoing = outgoing
        self._catalogue = catalogue
        self._language = language
        self._events = events
        self._waiting: dict[tuple[Destination, str], Errand] = {}

    def take(self, update: StoredUpdate, channel: Channel, finished: Callable[[], None]) -> None:
        """Begin an update's road; `finished` is called at its end. Never waits, never raises."""
        try:
            raw = json.loads(update.raw)
            message = channel.parse(raw)
        except (Unparsable, ValueError) as error:
            log.warning("An update cannot be read; it is set aside", extra={"update": update.id, "error": str(error)})
            self._end(update, finished, self._inbox.quarantined(update, f"unparsable: {error}"))
            return
        if message is None:
            self._end(update, finished, self._inbox.done(update, "nothing_to_answer"))
            return
        if isinstance(message, ChatChange):
            self._chat_changed(update, finished, message)
            return
        if message.kind == "button":
            self._lanes.submit(f"press {update.id}", lambda: channel.acknowledge_press(raw))
        language = self._catalogue.language_for(message.language, self._language)
        self._enter(Errand(update, channel, finished, message, language))

    async def suggest(self, channel: Channel, raw: JsonObject, command: str, typed: str) -> Sequence[Suggestion]:
        """What may follow `typed` as the command's argument; nothing for whom the gate refuses."""
        message = channel.parse(raw)
        if not isinstance(message, InboundMessage) or self._gate.refusal(message, addressed=True) is not None:
            return ()
        agent, session_key = self._route(message)
        language = self._catalogue.language_for(message.language, self._language)
        return await self._commands.suggest(command, Call(typed, message, agent, session_key, language))

    def _enter(self, errand: Errand) -> None:
        message, update = errand.message, errand.update
        name, arguments = _command(message)
        refusal = self._gate.refusal(message, addressed=name is not None)
        if refusal is not None:
            if refusal.reason == "dm_not_paired":
                self._submit(f"pairing {message.origin}", errand, lambda: self._offer_pairing(errand))
            else:
                self._end(update, errand.finished, self._inbox.refused(update, refusal.reason))
                self._tell_end(errand, "", refused=refusal.reason)
            return
        if message.kind == "edit":
            self._edit(errand)
            return
        agent, session_key = self._route(message)
        if agent not in self.agents:
            self._end(update, errand.finished, self._inbox.refused(update, "unknown_agent"))
            self._tell_end(errand, "", refused="unknown_agent")
            return
        errand.session_key = session_key
        if name is None or name == "ask":
            errand.message = replace(message, text=arguments)
            self._waiting[message.origin, message.message_id] = errand
            self._submit(session_key, errand, lambda: self._turn(errand, agent, session_key))
        else:
            call = Call(arguments, message, agent, session_key, errand.language)
            self._submit(f"command {message.origin}", errand, lambda: self._command(errand, name, call))

    def _route(self, message: InboundMessage) -> tuple[str, str]:
        """(agent, session key): what an authorised client asked for, otherwise what the bindings say."""
        if message.session_key is not None:
            key = parse_session_key(message.session_key)
            return key.agent, str(key)
        route = self.table.resolve(message.address, self._gate.former_id(message))
        return route.agent, route.session_key

    def _edit(self, edit: Errand) -> None:
        """An edited question replaces the text until its turn begins."""
        original = self._waiting.get((edit.message.origin, edit.message.message_id))
        if original is None:
            self._end(edit.update, edit.finished, self._inbox.done(edit.update, "edited_too_late"))
            return
        original.message = replace(original.message, text=_command(edit.message)[1])
        original.edits.append(edit)

    async def _turn(self, errand: Errand, agent: str, session_key: str) -> None:
        begun = await commit_patiently(self._storage, self._clock, [self._inbox.begin(errand.update)])
        self._waiting.pop((errand.message.origin, errand.message.message_id), None)
        if begun[0][0]["attempts"] > MOST_TURNS_BEGUN:
            await self._give_up(errand, "crashed_repeatedly")
            return
        message = errand.message
        about = {"message_id": message.message_id}
        self._events.publish("chat.start", session_key, about)
        turn = Turn(
            session_key=session_key,
            text=message.text,
            sender_name=message.sender_name,
            is_direct=message.address.peer.kind == "direct",
            moment=self._clock.now(),
            history=lambda most: self._sessions.history(session_key, most),
        )
        asked = Record("user", message.text, message.sent_at, {"sender": message.sender_name})
        try:
            async with self._typing(errand):
                answer = await self.agents[agent].answer(turn)
        except AgentFailed as failure:
            log.warning("A turn has no answer", extra={"session": session_key, "reason": failure.reason})
            text = self._catalogue.say(errand.language, words.FAILURES[failure.reason])
            kept = self._sessions.append(session_key, agent, [asked])
            await self._finish(errand, _answer(message, text), kept)
            return
        metadata = dict(answer.metadata)
        if answer.model is not None:
            metadata["model"] = answer.model
        said = Record("assistant", answer.text, self._clock.now(), metadata)
        kept = self._sessions.append(session_key, agent, [asked, said])
        tokens = 0 if answer.usage is None else answer.usage.total
        await self._finish(errand, replace(_answer(message, answer.text), format="markdown"), kept, tokens)

    async def _command(self, errand: Errand, name: str, call: Call) -> None:
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
        answer = replace(_answer(errand.message, reply.text), buttons=reply.buttons)
        await self._finish(errand, answer, reply.statements)

    async def _offer_pairing(self, errand: Errand) -> None:
        address, update = errand.message.address, errand.update
        code, ask = self._pairings.ask(
            address.channel, address.account, address.sender or "", errand.message.sender_name
        )
        text = self._catalogue.say(errand.language, words.PAIRING_CODE, code=code)
        queued = self._outgoing.queue(
            errand.channel,
            replace(_answer(errand.message, text), reply_to=None),
            "answer",
            Source("inbox", update.source_id),
            errand.language,
        )
        refused = self._inbox.refused(update, "dm_not_paired")
        try:
            await commit_patiently(self._storage, self._clock, [ask, *queued.statements, refused])
        except GuardFailed as guard:
            if guard.statement != "pairings.ask":
                raise
            await commit_patiently(self._storage, self._clock, [refused])  # told already: say nothing more
        else:
            self._outgoing.leave(queued)

    async def _finish(
        self, errand: Errand, said: OutboundMessage, effects: Sequence[Statement], tokens: int = 0
    ) -> None:
        """The one transaction: effects, outbox rows, inbox rows done. Then the rows leave."""
        queued = self._outgoing.queue(
            errand.channel, said, "answer", Source("inbox", errand.update.source_id), errand.language
        )
        edits = [self._inbox.done(edit.update, "edited_before_its_turn") for edit in errand.edits]
        await commit_patiently(
            self._storage,
            self._clock,
            [
                *effects,
                self._chat_changes.open_again(errand.message.origin),
                *queued.statements,
                self._inbox.done(errand.update),
                *edits,
            ],
        )
        self._outgoing.leave(queued)
        self._tell_end(errand, said.text, tokens)

    async def _give_up(self, errand: Errand, reason: str) -> None:
        text = self._catalogue.say(errand.language, words.SOMETHING_WENT_WRONG)
        queued = self._outgoing.queue(
            errand.channel,
            _answer(errand.message, text),
            "answer",
            Source("inbox", errand.update.source_id),
            errand.language,
        )
        aside = [self._inbox.quarantined(each.update, reason) for each in (errand, *errand.edits)]
        await commit_patiently(self._storage, self._clock, [*queued.statements, *aside])
        self._outgoing.leave(queued)
        self._tell_end(errand, text)

    def _tell_end(self, errand: Errand, text: str, tokens: int = 0, *, refused: str | None = None) -> None:
        """`chat.end`: the message is dealt with; `refused` is the reason why it has no answer."""
        end = {"message_id": errand.message.message_id, "text": text, "tokens_used": tokens, "refused": refused}
        self._events.publish("chat.end", errand.session_key or errand.message.session_key, end)

    def _submit(self, lane: str, errand: Errand, work: Callable[[], Awaitable[None]]) -> None:
        async def job() -> None:
            try:
                await work()
            except GuardFailed:
                log.warning("An update was ended by somebody else", extra={"update": errand.update.id})
            except Exception as error:
                log.exception("An update failed; it is set aside", extra={"update": errand.update.id})
                await self._give_up(errand, f"failed: {type(error).__name__}")
            finally:
                self._waiting.pop((errand.message.origin, errand.message.message_id), None)
                for each in (errand, *errand.edits):
                    each.finished()

        self._lanes.submit(lane, job)

    def _chat_changed(self, update: StoredUpdate, finished: Callable[[], None], change: ChatChange) -> None:
        by_owner = self._gate.is_owner(change.chat.channel, change.by)
        reason, effects = self._chat_changes.told(change, by_owner=by_owner)
        self._end(update, finished, self._inbox.done(update, reason), effects)

    def _end(
        self, update: StoredUpdate, finished: Callable[[], None], ending: Statement, effects: Sequence[Statement] = ()
    ) -> None:
        """Close a row that is answered with nothing; `effects` change what is known of chats."""

        async def close() -> None:
            try:
                await commit_patiently(self._storage, self._clock, [ending, *effects])
                if effects:
                    await self._chat_changes.refresh()
            except GuardFailed:
                log.warning("An update was ended by somebody else", extra={"update": update.id})
            finally:
                finished()

        self._lanes.submit(f"end {update.id}", close)

    @asynccontextmanager
    async def _typing(self, errand: Errand) -> AsyncIterator[None]:
        """Show typing while the body runs, where the channel can and the agent takes its time."""

        async def show() -> None:
            while True:
                await errand.channel.show_typing(errand.message.origin)
                await self._clock.sleep(TYPING_SECONDS)

        if not errand.channel.capabilities.typing:
            yield
            return
        task = asyncio.create_task(show(), name="typing")
        try:
            yield
        finally:
            task.cancel()


def _answer(message: InboundMessage, text: str) -> OutboundMessage:
    """`text` as the answer to `message`; a press is answered without pointing at what was pressed."""
    reply_to = None if message.kind == "button" else message.message_id
    return OutboundMessage(message.origin, text, reply_to=reply_to, reply_token=message.reply_token)


def _command(message: InboundMessage) -> tuple[str | None, str]:
    """(command name, its arguments); (None, the text) for ordinary words."""
    text = message.text.strip()
    kimi = task_text(text)
    if kimi is not None:
        return "kimi", kimi
    if not text.startswith("/"):
        return None, text
    name, _, arguments = text[1:].partition(" ")
    name, newline, rest = name.partition("\n")
    return name.partition("@")[0].lower(), f"{rest}{newline}{arguments}".strip()
