"""How an update's road ends: one transaction that holds all its effects and closes its inbox row."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from bot import words
from bot.catalogue import Catalogue, Language
from bot.delivery.item import Source
from bot.events import Events
from bot.inbox import End, InboxStore, StoredUpdate
from bot.pairing import PairingStore
from bot.pipeline.chat_changes import ChatChanges
from bot.pipeline.errand import Errand, answer_to
from bot.pipeline.outgoing import NOTHING, Outgoing, Queued
from bot.reasons import Reason
from bot.sessions.lanes import Lanes
from bot.storage.errors import GuardFailed
from bot.storage.patience import commit_patiently
from bot.storage.port import Statement, Storage
from bot.trace.store import TraceStore
from channels.clock import Clock
from channels.message import OutboundMessage

log = logging.getLogger(__name__)

CHANGES_LANE: Final = "chat changes"


class Endings:
    """Ends errands. `for_owner` makes the rows of a message to the owner, see `Owner.queue`."""

    def __init__(
        self,
        *,
        storage: Storage,
        clock: Clock,
        inbox: InboxStore,
        pairings: PairingStore,
        lanes: Lanes,
        chat_changes: ChatChanges,
        outgoing: Outgoing,
        catalogue: Catalogue,
        language: Language,
        events: Events,
        traces: TraceStore,
        for_owner: Callable[[str, str], Queued | None],
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._inbox = inbox
        self._pairings = pairings
        self._lanes = lanes
        self._chat_changes = chat_changes
        self._outgoing = outgoing
        self._catalogue = catalogue
        self._language = language
        self._events = events
        self._traces = traces
        self._for_owner = for_owner

    async def finish(
        self,
        errand: Errand,
        said: OutboundMessage | None,
        effects: Sequence[Statement],
        tokens: int = 0,
        reason: Reason | None = None,
    ) -> None:
        """The one transaction: effects, outbox rows, inbox rows done. Then the rows leave. None: nothing is said."""
        queued = NOTHING if said is None else self._queue(errand, said)
        edits = [each for edit in errand.edits for each in self._ending(edit, "done", edit.ends_as)]
        await commit_patiently(
            self._storage,
            self._clock,
            [
                *effects,
                self._chat_changes.open_again(errand.message.origin),
                *queued.statements,
                *self._ending(errand, "done", reason),
                *edits,
            ],
        )
        self._outgoing.leave(queued)
        self._tell_end(errand, "" if said is None else said.text, tokens)

    def refuse(self, errand: Errand, reason: Reason) -> None:
        """Nobody is let in, or there is nobody to answer: nothing is said, but of an answer that was being shown."""
        ending = self._ending(errand, "refused", reason)
        self._close(errand.update, errand.finished, ending, queued=self._break_off(errand))
        self._tell_end(errand, "", refused=reason)

    def come_too_late(self, edit: Errand) -> None:
        """The turn of what it edits has begun."""
        self._close(edit.update, edit.finished, self._ending(edit, "done", Reason.EDITED_TOO_LATE))

    def skip(
        self,
        update: StoredUpdate,
        finished: Callable[[], None],
        state: End,
        reason: str | None,
        effects: Sequence[Statement] = (),
    ) -> None:
        """End an update that is no message; `effects` change what is known of chats."""
        self._close(update, finished, [self._inbox.finish(update, state, reason)], effects)

    async def offer_pairing(self, errand: Errand) -> None:
        """A stranger who writes to the bot alone hears the code with which its owner lets them in, once."""
        address = errand.message.address
        code, ask = self._pairings.ask(
            address.channel, address.account, address.sender or "", errand.message.sender_name
        )
        text = self._catalogue.say(errand.language, words.PAIRING_CODE, code=code)
        queued = self._queue(errand, replace(answer_to(errand.message, text), reply_to=None))
        refused = self._ending(errand, "refused", Reason.DM_NOT_PAIRED)
        try:
            await commit_patiently(self._storage, self._clock, [ask, *queued.statements, *refused])
        except GuardFailed as guard:
            if guard.statement != "pairings.ask":
                raise
            queued, text = self._break_off(errand), ""  # told already: say nothing more
            await commit_patiently(self._storage, self._clock, [*queued.statements, *refused])
        self._outgoing.leave(queued)
        self._tell_end(errand, text, refused=Reason.DM_NOT_PAIRED)

    async def set_aside(self, errand: Errand) -> None:
        """It ended the process too often: its sender and the owner are told."""
        update = errand.update
        message = f"{update.channel}/{update.account}/{update.update_id}"
        log.error("A message ended the process time and again; it is set aside", extra={"update": message})
        text = self._catalogue.say(self._language, words.SET_ASIDE, count=str(errand.attempt - 1), message=message)
        await self.give_up(errand, Reason.CRASHED_REPEATEDLY, self._for_owner(f"set aside:{update.id}", text))

    async def give_up(self, errand: Errand, reason: str, also: Queued | None = None) -> None:
        """Set the update aside and tell its sender; `also` leaves with it."""
        others = also or NOTHING
        text = self._catalogue.say(errand.language, words.SOMETHING_WENT_WRONG)
        queued = self._queue(errand, answer_to(errand.message, text))
        errands = (errand, *errand.edits)
        aside = [statement for each in errands for statement in self._ending(each, "quarantined", reason)]
        await commit_patiently(self._storage, self._clock, [*queued.statements, *others.statements, *aside])
        self._outgoing.leave(queued)
        self._outgoing.leave(others)
        self._tell_end(errand, text)

    def _close(
        self,
        update: StoredUpdate,
        finished: Callable[[], None],
        ending: Sequence[Statement],
        effects: Sequence[Statement] = (),
        queued: Queued = NOTHING,
    ) -> None:
        """Close a row that is answered with nothing; `effects` change what is known of chats. `queued` leaves then."""

        async def close() -> None:
            try:
                await commit_patiently(self._storage, self._clock, [*queued.statements, *ending, *effects])
                self._outgoing.leave(queued)
                if effects:
                    await self._chat_changes.refresh()
            except GuardFailed:
                log.warning("An update was ended by somebody else", extra={"update": update.id})
            finally:
                finished()

        self._lanes.submit(CHANGES_LANE if effects else f"end {update.id}", close, brief=True)

    def _break_off(self, errand: Errand) -> Queued:
        """Plain words in the place of what an earlier process showed of an answer that never comes."""
        if not errand.drafts:
            return NOTHING
        return self._queue(errand, answer_to(errand.message, self._catalogue.say(errand.language, words.INTERRUPTED)))

    def _queue(self, errand: Errand, said: OutboundMessage) -> Queued:
        """`said` as rows, in the place of what showed its beginning."""
        source = Source("inbox", errand.update.source_id)
        said = replace(said, drafts=tuple(errand.drafts)) if errand.drafts else said
        return self._outgoing.queue(errand.channel, said, "answer", source, errand.language)

    def _ending(self, errand: Errand, state: End, reason: str | None) -> list[Statement]:
        """The inbox row's end and the road's, for one transaction."""
        return [self._inbox.finish(errand.update, state, reason), *self._traces.record(errand.road, state, reason)]

    def _tell_end(self, errand: Errand, text: str, tokens: int = 0, *, refused: str | None = None) -> None:
        """`chat.end`: the message is dealt with; `refused` is the reason why it has no answer. Of one that reached no
        session nobody hears."""
        session_key = errand.road.session_key or errand.message.session_key
        if session_key is None:
            return
        end = {"message_id": errand.message.message_id, "text": text, "tokens_used": tokens, "refused": refused}
        self._events.publish("chat.end", session_key, end)
