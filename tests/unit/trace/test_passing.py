"""The road of what never was in the inbox."""

from datetime import timedelta

from bot.reasons import Reason
from bot.storage.opening import Database, open_storage
from bot.trace.road import Road
from bot.trace.store import TraceStore
from channels.clock import ManualClock, SystemClock
from channels.message import Destination, InboundMessage
from routing.address import Address, Peer


async def test_it_is_found_by_its_message_and_by_its_id_and_listed_among_the_others(any_database: Database) -> None:
    clock = ManualClock()
    async with open_storage(any_database, SystemClock()) as storage:
        traces = TraceStore(storage, clock, timedelta(days=1))
        address = Address("openai", "me", Peer("direct", "u"), sender="u")
        message = InboundMessage(address, Destination("openai", "me", "u"), "chatcmpl-1", "", "", clock.now())
        road = Road(0, "chatcmpl-1", message, clock.now(), "agent:a:openai:direct:u", "a")
        road.note("turn", Reason.TURN_BEGUN, clock.now())
        await clock.advance(3)
        await storage.commit(traces.record_passing(road, Reason.MODEL_BUSY))
        (found,) = await traces.find("chatcmpl-1")
        assert (found.id, found.state, found.reason) == ("openai/me/chatcmpl-1", "done", "model_busy")
        assert (found.began, found.ended) == (message.sent_at, clock.now())
        assert [step["code"] for step in found.steps] == ["turn_begun"]
        assert await traces.find(found.id) == [found]
        assert [road.id for road in await traces.newest(5)] == [found.id]
        assert TraceStore(storage, clock, None).record_passing(road, None) == ()
