"""The roof: opens the house and its channels, keeps them running, and takes them down in the opposite order."""

import asyncio
import gc
import logging
import signal
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bot import words
from bot.channel_host import ChannelHost
from bot.channel_memory import ChannelMemory
from bot.chores import Changes, rings, take_up
from bot.doors import gateway, post_results, redis_line, webhook_listener
from bot.errors import LOG_IN_AGAIN, ConfigurationError
from bot.gateway.tokens import Doorkeeper, TokenStore
from bot.house import House, open_house
from bot.machines import CHORES, among_others, by_one, heed, lay_claim, serve_on, share_events, speaks_here
from bot.settings.model import Settings
from bot.storage.errors import StorageError
from bot.storage.lock import run_lock
from bot.storage.postgresql.membership import Membership
from bot.waker import waking
from channels.clock import Clock, SystemClock
from channels.errors import Unauthorized
from channels.port import ChannelContext, ChannelManifest
from channels.registry import open_channel
from routing.file import BindingsFile

if TYPE_CHECKING:
    from bot.dispatch.redis_line import RedisLine

log = logging.getLogger(__name__)

LANE_GRACE_SECONDS: Final = 10.0
DELIVERY_GRACE_SECONDS: Final = 5.0
RESULT_FILES: Final = "result files"


async def run(
    settings: Settings,
    bindings: BindingsFile,
    manifests: Mapping[str, ChannelManifest],
    *,
    stop: asyncio.Event | None = None,
    clock: Clock | None = None,
) -> None:
    """Run the bot until it is told to stop (SIGTERM, SIGINT or `stop`), by the machine's clock or another one.

    Raises DatabaseUnusable when another process runs on this database, ConfigurationError when no channel can run.
    """
    stop = stop or stop_on_signals()
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    accounts = _accounts(settings, manifests)
    if not accounts:
        raise ConfigurationError(
            "no channel is enabled: set TELEGRAM_BOT_TOKEN or DISCORD_BOT_TOKEN, or run with --simulate"
        )
    clock = clock or SystemClock()

    async def serve() -> None:
        async with open_house(settings, bindings, manifests, clock) as house:
            gc.freeze()  # what is built now stays to the end: the collector need not look at it again and again
            hosts = [_host(house, manifests[name], account) for name, account in accounts]
            lease = settings.machines.lease_seconds
            async with (
                among_others(house.stores.storage, clock, lease, partial(take_up, house)) as membership,
                redis_line(house) as line,
            ):
                await _serve(house, hosts, stop, membership, line)

    if isinstance(settings.database, Path):
        settings.database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with run_lock(settings.database):
            await serve()
    else:
        await serve_on(serve, stop, clock)
    log.info("Stopped; nothing is left half done")


async def _serve(
    house: House,
    hosts: Sequence[ChannelHost],
    stop: asyncio.Event,
    membership: Membership | None,
    line: "RedisLine | None",
) -> None:
    doorkeeper = await _recover(house)
    changes = Changes(house, hosts, doorkeeper)
    refusals = _Refusals(hosts, stop)
    share_events(membership, house.ground.events)
    await _share(house, membership, [*(f"{host.name}/{host.account}" for host in hosts), CHORES])
    async with asyncio.TaskGroup() as group:
        beside = {
            **_work_of_its_own(house, membership, line, changes.look),
            **{f"host {host.name}/{host.account}": refusals.keep_open(host, membership) for host in hosts},
        }
        tasks = [group.create_task(work, name=name) for name, work in beside.items()]
        async with (
            house.ground.lanes.open(LANE_GRACE_SECONDS),
            house.dispatcher.open(),
            waking(rings(house, hosts, changes, membership)),
        ):
            async with (
                webhook_listener(house, doorkeeper) as webhooks,
                gateway(house, hosts, doorkeeper, webhooks, line),
            ):
                await stop.wait()
            for host in hosts:
                host.stop_receiving()
        await house.delivery.worker.drain(DELIVERY_GRACE_SECONDS)
        if membership is None or membership.holds(RESULT_FILES):
            with suppress(OSError, StorageError):  # the next start repairs what is missing
                await house.delivery.results.refresh()
        for task in tasks:
            task.cancel()
    refusals.raise_if_all()


async def _recover(house: House) -> Doorkeeper:
    """Read what earlier processes left, before anything is opened."""
    house.ground.gate.paired = await house.stores.pairings.approved()
    await house.delivery.chat_changes.refresh()
    token = house.settings.gateway.token
    store = TokenStore(house.stores.storage, house.clock)
    doorkeeper = Doorkeeper(store, house.clock, token.get_secret_value() if token else None)
    await doorkeeper.refresh()
    await house.schedules.recover()
    await house.heartbeats.recover()
    return doorkeeper


def _work_of_its_own(
    house: House, membership: Membership | None, line: "RedisLine | None", changed: Callable[[], Awaitable[None]]
) -> dict[str, Coroutine[None, None, None]]:
    """What runs beside the channels until the bot stops, by its task's name; `changed` reads anew what others wrote."""
    work = {
        "results": post_results(house, membership),
        "result files": by_one(membership, RESULT_FILES, house.delivery.results.run),
    }
    if line is not None:
        work["redis"] = line.listen(house.dispatcher.look_after)
    if membership is not None:
        work["membership"] = membership.run()
        work["changes"] = heed(house.stores.storage, house.clock, changed)
    return work


class _Refusals:
    """Which platforms refuse their token. When none is left, the bot stops."""

    def __init__(self, hosts: Sequence[ChannelHost], stop: asyncio.Event) -> None:
        self._platforms = sum(host.needs_token for host in hosts)
        self._stop = stop
        self._refused: list[str] = []

    async def keep_open(self, host: ChannelHost, membership: Membership | None) -> None:
        try:
            await by_one(membership, f"{host.name}/{host.account}", host.run, host.stand_by)
        except Unauthorized as refusal:
            self._refused.append(f"{host.name} ({host.account}): {refusal}")
            told = {"channel": host.name, "account": host.account, "remedy": LOG_IN_AGAIN}
            log.error("The platform refuses a token", extra=told)  # noqa: TRY400
            if len(self._refused) == self._platforms:
                self._stop.set()

    def raise_if_all(self) -> None:
        """Raises ConfigurationError."""
        if self._platforms and len(self._refused) == self._platforms:
            raise ConfigurationError(f"{'; '.join(self._refused)}: {LOG_IN_AGAIN}")


def _host(house: House, manifest: ChannelManifest, account: str) -> ChannelHost:
    memory = ChannelMemory(house.stores.storage, manifest.name, account)
    config, publish = house.settings.channels[manifest.name], house.ground.events.publish
    try_again = house.ground.catalogue.in_all_languages(words.TRY_AGAIN, house.settings.language)
    context = ChannelContext(account, config, house.clock, memory, try_again, publish)
    return ChannelHost(
        name=manifest.name,
        account=account,
        needs_token=not manifest.tokenless,
        open_channel=lambda: open_channel(manifest, context),
        clock=house.clock,
        inbox=house.stores.inbox,
        path=house.road,
        outgoing=house.delivery.outgoing,
        worker=house.delivery.worker,
        commands=house.commands.cards(house.settings.language),
        when_open=house.dispatcher.look_soon,
    )


async def _share(house: House, membership: Membership | None, leases: Sequence[str]) -> None:
    """Let this machine do its part, before anything is opened."""
    if membership is not None:
        house.delivery.worker.clearance = membership.confirmed
        house.heartbeats.speaks_here = partial(speaks_here, membership)
        await lay_claim(membership, leases)


def _accounts(settings: Settings, manifests: Mapping[str, ChannelManifest]) -> list[tuple[str, str]]:
    return [
        (name, account)
        for name, config in settings.channels.items()
        if config.enabled and not manifests[name].interactive
        for account, bot in config.accounts.items()
        if bot.is_ready or manifests[name].tokenless
    ]


def stop_on_signals() -> asyncio.Event:
    """Set by the first SIGTERM or SIGINT; the second one ends the process at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def ask(number: signal.Signals) -> None:
        stop.set()
        loop.remove_signal_handler(number)  # the next one does what it does by default

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ask, number)
    return stop
