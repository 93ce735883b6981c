"""The ways to other programs: gateway, webhook listener, posted results, Redis. Each is loaded when it is used."""

import asyncio
import importlib
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bot.channel_host import ChannelHost
from bot.dispatch.poster import RESULTS, open_poster
from bot.gateway.tokens import Doorkeeper
from bot.house import House
from bot.live import RunningBot
from bot.machines import by_one
from bot.methods.desk import Desk
from bot.storage.postgresql.membership import Membership

if TYPE_CHECKING:
    from bot.dispatch.redis_line import RedisLine

log = logging.getLogger(__name__)


@asynccontextmanager
async def gateway(
    house: House,
    hosts: Sequence[ChannelHost],
    doorkeeper: Doorkeeper,
    webhook_address: str | None,
    line: "RedisLine | None",
) -> AsyncIterator[None]:
    """The gateway while the block runs, unless the settings switch it off."""
    if not house.settings.gateway.enabled:
        yield
        return
    # FastAPI takes a third of a second to import: the channels log in meanwhile.
    server = await asyncio.to_thread(importlib.import_module, "bot.gateway.server")
    outgoing = house.delivery.outgoing
    desk = _desk(house, hosts, webhook_address, line)
    async with server.open_gateway(house.settings.gateway, desk, doorkeeper, outgoing.channel) as address:
        log.info("The gateway listens", extra={"address": address})
        if not doorkeeper.knows_any:
            log.info("The gateway lets nobody in yet; make a token with: javis token create")
        yield


def _desk(house: House, hosts: Sequence[ChannelHost], webhook_address: str | None, line: "RedisLine | None") -> Desk:
    """What the gateway's methods work with."""
    ground = house.ground
    running = RunningBot(
        ground.events,
        hosts,
        house.delivery.outgoing,
        house.dispatcher,
        house.schedules,
        house.heartbeats,
        line,
        lambda: house.road.agents,
        house.watch,
        webhook_address,
        house.stores.storage,
        house.stores.inbox,
    )
    return Desk.at(
        house.stores,
        settings=house.settings,
        table=lambda: house.road.table,
        entries=lambda: house.watch.file.agents,
        id_problem=ground.id_problem,
        bindings=ground.bindings_store,
        running=running,
        models=ground.models,
    )


@asynccontextmanager
async def webhook_listener(house: House, doorkeeper: Doorkeeper) -> AsyncIterator[str | None]:
    """The webhook listener while the block runs; its address, None where there is none."""
    listener = await asyncio.to_thread(importlib.import_module, "bot.webhooks.listener")
    async with listener.open_listener(
        house.settings.dispatch,
        storage=house.stores.storage,
        clock=house.clock,
        doorkeeper=doorkeeper,
        ending=house.dispatcher.teller.ending,
        tasks=house.stores.tasks,
        results_folder=house.delivery.results.folder,
    ) as address:
        yield address


async def post_results(house: House, membership: Membership | None) -> None:
    """Post results to whoever gave an address with a task, until cancelled; on several machines one does it."""

    async def post() -> None:
        stores, hosts = house.stores, house.settings.dispatch.private_hosts
        poster = open_poster(stores.tasks, stores.task_keys, house.clock, hosts)
        async with poster as carrier, house.delivery.worker.outlet(*RESULTS, carrier):
            await asyncio.get_running_loop().create_future()

    await by_one(membership, "/".join(RESULTS), post)


@asynccontextmanager
async def redis_line(house: House) -> "AsyncIterator[RedisLine | None]":
    """The line to the Redis of the settings while the block runs; None where they name none."""
    url = house.settings.dispatch.redis_url
    if url is None:
        yield None
        return
    module = await asyncio.to_thread(importlib.import_module, "bot.dispatch.redis_line")
    database = house.settings.database
    name = str(database) if isinstance(database, Path) else database.get_secret_value()
    async with module.open_line(url.get_secret_value(), name, house.clock) as line:
        house.dispatcher.line = line
        yield line
