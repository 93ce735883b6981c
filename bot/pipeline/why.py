"""`/why`: the road of a message, told in the chat to whom it concerns."""

from functools import partial

from bot import words
from bot.catalogue import Catalogue
from bot.command import Call
from bot.pipeline.gate import Gate
from bot.trace.store import RoadTaken, TraceStore
from bot.trace.wording import tell_road


class Why:
    """An owner is told of any message, and everything; others of their own, and nothing about the inside."""

    def __init__(self, traces: TraceStore, gate: Gate, catalogue: Catalogue) -> None:
        self._traces = traces
        self._gate = gate
        self._catalogue = catalogue

    async def tell(self, call: Call) -> str:
        """The message is the one that is named, or replied to (a question or its answer), or the asker's last."""
        owner = self._gate.is_owner(call.message.origin.channel, call.message.address.sender)
        found = await self._find(call, owner=owner)
        if not found:
            return self._catalogue.say(call.language, words.WHY_NOT_FOUND)
        roads = [road for road in found if owner or road.sender == call.message.address.sender]
        if not roads:
            return self._catalogue.say(call.language, words.WHY_NOT_YOURS)
        say = partial(self._catalogue.say, call.language)
        lines = [say(words.WHY_HEADER)]
        for road in roads:
            lines += [f"• {line}" for line in tell_road(road, say, full=owner)]
        return "\n".join(lines)

    async def _find(self, call: Call, *, owner: bool) -> list[RoadTaken]:
        origin = call.message.origin
        named = call.arguments.partition(" ")[0]
        if named and owner:
            return await self._traces.find(named)
        meant = named or call.message.reply_to
        if meant:
            found = await self._traces.of_message(meant, origin.channel, origin.chat)
            return [road for road in found if road.account == origin.account]
        last = await self._traces.last_of(
            origin.channel, origin.account, origin.chat, call.message.address.sender or ""
        )
        return [] if last is None else [last]
