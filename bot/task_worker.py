"""`javis worker`: works on tasks beside a `javis run` on the same PostgreSQL. It opens no channel and no gateway."""

import asyncio
import logging
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from bot.app import stop_on_signals
from bot.chores import take_up
from bot.doors import redis_line
from bot.errors import ConfigurationError
from bot.house import House, open_house
from bot.machines import among_others, heed, serve_on, share_events
from bot.settings.model import Settings
from bot.waker import Ring, waking
from channels.clock import SystemClock
from channels.port import ChannelManifest
from routing.file import BindingsFile

log = logging.getLogger(__name__)

LOOK_SECONDS = 60


async def work(
    settings: Settings,
    bindings: BindingsFile,
    manifests: Mapping[str, ChannelManifest],
    *,
    stop: asyncio.Event | None = None,
) -> None:
    """Work until told to stop (SIGTERM, SIGINT or `stop`). Raises ConfigurationError on SQLite, StorageError."""
    if isinstance(settings.database, Path):
        raise ConfigurationError(
            "javis worker shares a PostgreSQL database with a javis run: set JAVIS_DATABASE_URL on both; "
            "on SQLite javis run does all the work, see dispatch.workers"
        )
    stop, clock = stop or stop_on_signals(), SystemClock()

    async def serve() -> None:
        async with open_house(settings, bindings, manifests, clock) as house:
            await _serve(house, stop)

    await serve_on(serve, stop, clock)
    log.info("Stopped; what was under way is done again by others")


async def _serve(house: House, stop: asyncio.Event) -> None:
    storage, dispatcher, clock = house.stores.storage, house.dispatcher, house.clock

    async def look() -> None:
        if await storage.changed_elsewhere():
            await dispatcher.look_after()

    async with (
        among_others(storage, clock, house.settings.machines.lease_seconds, partial(take_up, house)) as membership,
        redis_line(house) as line,
        asyncio.TaskGroup() as group,
        dispatcher.open(),
        waking([Ring("tasks", LOOK_SECONDS, dispatcher.look_after)]),
    ):
        chores = [group.create_task(heed(storage, clock, look), name="changes")]
        if line is not None:
            chores.append(group.create_task(line.listen(dispatcher.look_after), name="redis"))
        share_events(membership, house.ground.events)
        if membership is not None:
            chores.append(group.create_task(membership.run(), name="membership"))
        log.info("Working on tasks")
        await stop.wait()
        for chore in chores:
            chore.cancel()
