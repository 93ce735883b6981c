"""Slash commands and buttons: stored first, answered within Discord's three seconds.

What is on disk in time is deferred ("Javis is thinking …"), and the answer later takes that place. What is not is
answered at once with "try again", and never a second time.

https://discord.com/developers/docs/interactions/receiving-and-responding
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import ValidationError

from channels.clock import Clock, deadline
from channels.discord.commands import choices, in_locale
from channels.discord.events import envelope, raw_update
from channels.discord.failures import CallFailed
from channels.discord.http import DiscordHttp
from channels.discord.parse import AUTOCOMPLETE, COMMAND, PRESS
from channels.discord.wire import Interaction
from channels.message import JsonObject
from channels.port import CommandCard, Inbox

log = logging.getLogger(__name__)

STORE_SECONDS: Final = 1.5
SUGGEST_SECONDS: Final = 2.0
MOST_AT_ONCE: Final = 1000
MESSAGE, DEFERRED_MESSAGE, DEFERRED_UPDATE, CHOICES = 4, 5, 6, 8
EPHEMERAL: Final = 1 << 6


class Interactions:
    """First responses of one account. `try_again` by language tag, "" for the default."""

    def __init__(self, rest: DiscordHttp, clock: Clock, try_again: Mapping[str, str]) -> None:
        self._rest = rest
        self._clock = clock
        self._try_again = try_again
        self._private: frozenset[str] = frozenset()
        self._under_way: dict[str, asyncio.Task[None]] = {}

    def know(self, cards: Sequence[CommandCard]) -> None:
        """The commands that are offered."""
        self._private = frozenset(card.name for card in cards if card.private)

    def begin(self, data: dict[str, Any], inbox: Inbox, group: asyncio.TaskGroup) -> None:
        """Answer an event INTERACTION_CREATE in a task of its own. Never waits."""
        try:
            interaction = Interaction.model_validate(data)
        except ValidationError:
            log.warning("An interaction cannot be read; it is passed over")
            return
        if len(self._under_way) >= MOST_AT_ONCE or interaction.id in self._under_way:
            log.warning("Too many interactions at once; one is not answered", extra={"interaction": interaction.id})
            return
        task = group.create_task(self._answer(interaction, data, inbox), name=f"interaction {interaction.id}")
        self._under_way[interaction.id] = task
        task.add_done_callback(lambda _: self._under_way.pop(interaction.id, None))

    async def first_response(self, interaction_id: str) -> None:
        """Return when the first response is through: until then Discord knows nothing that could be edited."""
        task = self._under_way.get(interaction_id)
        if task is not None:
            await asyncio.wait([task])

    async def _answer(self, interaction: Interaction, data: JsonObject, inbox: Inbox) -> None:
        name = interaction.data.name if interaction.data else None
        private = name in self._private
        event = envelope("INTERACTION_CREATE", data, {"private": private})
        try:
            if interaction.type == AUTOCOMPLETE:
                response = await self._suggest(interaction, event, inbox)
            elif interaction.type in {COMMAND, PRESS}:
                response = await self._store(interaction, event, inbox, private=private)
            else:
                return
            await self._rest.call(
                "POST", f"/interactions/{interaction.id}/{interaction.token}/callback", body=response, with_token=False
            )
        except CallFailed as failure:
            log.warning("An interaction was not answered in time", extra={"command": name, "reason": str(failure)})
        except Exception:
            log.exception("An interaction failed", extra={"command": name})

    async def _store(self, interaction: Interaction, event: JsonObject, inbox: Inbox, *, private: bool) -> JsonObject:
        try:
            await inbox.store([raw_update(event)], within_seconds=STORE_SECONDS)
        except Exception as error:  # noqa: BLE001 - whatever stops the store, the person must hear of it
            reason = f"{type(error).__name__}: {error}"
            log.warning("An interaction cannot be stored; its sender is told to try again", extra={"reason": reason})
            text = in_locale(self._try_again, interaction.locale)
            return {"type": MESSAGE, "data": {"content": text, "flags": EPHEMERAL, "allowed_mentions": {"parse": []}}}
        if interaction.type == PRESS:
            return {"type": DEFERRED_UPDATE}
        return {"type": DEFERRED_MESSAGE, **({"data": {"flags": EPHEMERAL}} if private else {})}

    async def _suggest(self, interaction: Interaction, event: JsonObject, inbox: Inbox) -> JsonObject:
        typed = (
            next((option.value for option in interaction.data.options if option.focused), "")
            if interaction.data
            else ""
        )
        name = (interaction.data.name if interaction.data else None) or ""
        try:
            async with deadline(self._clock, SUGGEST_SECONDS):
                found = await inbox.suggest(event, name, typed if isinstance(typed, str) else "")
        except Exception as error:  # noqa: BLE001 - a list that stays empty is all that is lost
            log.warning("Nothing can be suggested", extra={"command": name, "reason": type(error).__name__})
            found = ()
        return {"type": CHOICES, "data": {"choices": choices(found)}}
