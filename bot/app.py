"""The roof: builds every part, opens them in order on one stack, and takes them down in the opposite order."""

import asyncio
import importlib
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Final

from bot import words
from bot.agents.port import Agent
from bot.agents.registry import build_agents, installed_kinds
from bot.catalogue import Catalogue
from bot.channel_host import ChannelHost
from bot.channel_memory import ChannelMemory
from bot.chats import ChatStore
from bot.commands import Call, Commands
from bot.delivery.sender import Effects, Sender
from bot.delivery.store import OutboxStore
from bot.delivery.worker import DeliveryWorker
from bot.dispatch.call import KIMI
from bot.dispatch.dispatcher import Dispatcher
from bot.dispatch.notice import when_sent
from bot.errors import ConfigurationError
from bot.events import Events
from bot.gateway.tokens import Doorkeeper, TokenStore
from bot.heartbeat.checks import Rhythm
from bot.heartbeat.service import Heartbeat, forget_old_alerts
from bot.inbox import InboxStore
from bot.live import RunningBot
from bot.methods.desk import Desk
from bot.pairing import PairingStore
from bot.pipeline.chat_changes import ChatChanges
from bot.pipeline.gate import Gate
from bot.pipeline.outgoing import Outgoing
from bot.pipeline.path import Path as Road
from bot.providers.models import Models, open_http
from bot.sessions.lanes import Lanes
from bot.sessions.store import SessionStore
from bot.settings.model import Settings
from bot.storage.errors import StorageError
from bot.storage.lock import run_lock
from bot.storage.port import Storage
from bot.storage.sqlite import open_sqlite
from bot.tasks.results import ResultFiles
from bot.tasks.store import TaskStore
from bot.waker import Ring, waking
from channels.clock import Clock, SystemClock
from channels.errors import Unauthorized
from channels.message import Destination
from channels.port import ChannelContext, ChannelManifest
from channels.registry import open_channel
from routing.file import BindingsFile
from routing.table import Table

log = logging.getLogger(__name__)

TURNS_AT_ONCE: Final = 256
LANE_GRACE_SECONDS: Final = 10.0
DELIVERY_GRACE_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class House:
    """The parts that outlive any channel."""

    settings: Settings
    bindings: BindingsFile
    clock: Clock
    storage: Storage
    catalogue: Catalogue
    inbox: InboxStore
    pairings: PairingStore
    outbox: OutboxStore
    worker: DeliveryWorker
    outgoing: Outgoing
    lanes: Lanes
    chats: ChatStore
    chat_changes: ChatChanges
    gate: Gate
    agents: Mapping[str, Agent]
    commands: Commands
    dispatcher: Dispatcher
    results: ResultFiles
    road: Road
    events: Events
    tasks: TaskStore
    sessions: SessionStore


@asynccontextmanager
async def open_house(settings: Settings, bindings: BindingsFile, clock: Clock) -> AsyncIterator[House]:
    """Build everything but the channels. Raises StorageError, AgentFault, ModelFault."""
    async with AsyncExitStack() as stack:
        storage = await stack.enter_async_context(open_sqlite(settings.database))
        http = await stack.enter_async_context(open_http())
        yield _build(settings, bindings, clock, storage, Models(settings.model_list, http, clock))


async def run(
    settings: Settings,
    bindings: BindingsFile,
    manifests: Mapping[str, ChannelManifest],
    *,
    stop: asyncio.Event | None = None,
) -> None:
    """Run the bot until it is told to stop (SIGTERM, SIGINT or `stop`).

    Raises DatabaseUnusable when another process runs on this database, ConfigurationError when no channel can run.
    """
    stop = stop or stop_on_signals()
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings.database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    accounts = _accounts(settings, manifests)
    if not accounts:
        raise ConfigurationError(
            "no channel is enabled: set TELEGRAM_BOT_TOKEN or DISCORD_BOT_TOKEN, or run with --simulate"
        )
    clock = SystemClock()
    with run_lock(settings.database):
        async with open_house(settings, bindings, clock) as house:
            hosts = [_host(house, manifests[name], account) for name, account in accounts]
            await _serve(house, hosts, stop)
    log.info("Stopped; nothing is left half done")


async def _serve(house: House, hosts: Sequence[ChannelHost], stop: asyncio.Event) -> None:
    house.gate.paired = await house.pairings.approved()
    await house.chat_changes.refresh()
    token = house.settings.gateway.token
    store = TokenStore(house.storage, house.clock)
    doorkeeper = Doorkeeper(store, house.clock, token.get_secret_value() if token else None)
    await doorkeeper.refresh()
    refusals: list[str] = []
    platforms = [host for host in hosts if host.needs_token]

    async def keep_open(host: ChannelHost) -> None:
        try:
            await host.run()
        except Unauthorized as refusal:
            refusals.append(f"{host.name} ({host.account}): {refusal}")
            log.error("The platform refuses a token", extra={"channel": host.name, "account": host.account})  # noqa: TRY400
            if len(refusals) == len(platforms):
                stop.set()

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(keep_open(host), name=f"host {host.name}/{host.account}") for host in hosts]
        tasks.append(group.create_task(house.results.run(), name="result files"))
        async with (
            house.lanes.open(LANE_GRACE_SECONDS),
            house.dispatcher.open(),
            waking(_rings(house, hosts, doorkeeper)),
        ):
            async with _gateway(house, hosts, doorkeeper):
                await stop.wait()
            for host in hosts:
                host.stop_receiving()
        await house.worker.drain(DELIVERY_GRACE_SECONDS)
        with suppress(OSError, StorageError):  # the next start repairs what is missing
            await house.results.refresh()
        for task in tasks:
            task.cancel()
    if platforms and len(refusals) == len(platforms):
        raise ConfigurationError("; ".join(refusals) + ": put the right token into the settings or the environment")


@asynccontextmanager
async def _gateway(house: House, hosts: Sequence[ChannelHost], doorkeeper: Doorkeeper) -> AsyncIterator[None]:
    """The gateway while the block runs, unless the settings switch it off."""
    if not house.settings.gateway.enabled:
        yield
        return
    # FastAPI takes a third of a second to import: the channels log in meanwhile.
    server = await asyncio.to_thread(importlib.import_module, "bot.gateway.server")
    running = RunningBot(house.events, hosts, house.outgoing, house.dispatcher, house.agents.keys)
    desk = Desk(
        storage=house.storage,
        clock=house.clock,
        settings=house.settings,
        tasks=house.tasks,
        outbox=house.outbox,
        sessions=house.sessions,
        pairings=house.pairings,
        table=lambda: house.road.table,
        running=running,
    )
    async with server.open_gateway(house.settings.gateway, desk, doorkeeper, house.outgoing.channel) as address:
        log.info("The gateway listens", extra={"address": address})
        if not doorkeeper.knows_any:
            log.info("The gateway lets nobody in yet; make a token with: javis token create")
        yield


def _build(settings: Settings, bindings: BindingsFile, clock: Clock, storage: Storage, models: Models) -> House:
    catalogue, events = Catalogue.load(), Events(clock)
    inbox, sessions = InboxStore(storage, clock), SessionStore(storage, clock)
    pairings, outbox, tasks = PairingStore(storage, clock), OutboxStore(storage, clock), TaskStore(storage, clock)
    results = ResultFiles(settings.home / "kimi-dispatch" / "results", storage, tasks)
    chats, gate = ChatStore(storage, clock), Gate(settings.channels)
    chat_changes = ChatChanges(chats, outbox, sessions, tasks, gate)
    sender = Sender(
        storage,
        outbox,
        clock,
        labels=lambda tag: catalogue.say(catalogue.language_for(tag, settings.language), words.POSSIBLE_DUPLICATE),
        effects=Effects(
            sent=lambda item: when_sent(item, tasks),
            moved=chat_changes.moved,
            closed=chat_changes.closed,
            after_sent=lambda _item: results.mark_stale(),
            after_change=chat_changes.refresh,
        ),
    )
    worker = DeliveryWorker(storage, outbox, clock, sender)
    outgoing = Outgoing(outbox, worker, clock)
    dispatcher = Dispatcher(
        storage=storage,
        clock=clock,
        tasks=tasks,
        results=results,
        models=models,
        outgoing=outgoing,
        catalogue=catalogue,
        settings=settings.dispatch,
        events=events,
    )
    lanes = Lanes(TURNS_AT_ONCE)
    agents = build_agents(bindings.agents, settings.agents.defaults, models, clock, installed_kinds())
    commands = Commands(
        tasks=tasks,
        sessions=sessions,
        catalogue=catalogue,
        default_model=settings.dispatch.model or KIMI,
        per_user=settings.dispatch.per_user,
        task_queued=dispatcher.queued,
        task_cancelled=dispatcher.cancelled,
        status=_status_teller(catalogue, tasks, clock),
    )
    road = Road(
        storage=storage,
        clock=clock,
        inbox=inbox,
        sessions=sessions,
        pairings=pairings,
        lanes=lanes,
        gate=gate,
        table=Table(bindings.bindings, bindings.defaults),
        agents=agents,
        commands=commands,
        chat_changes=chat_changes,
        outgoing=outgoing,
        catalogue=catalogue,
        language=settings.language,
        events=events,
    )
    return House(
        settings=settings,
        bindings=bindings,
        clock=clock,
        storage=storage,
        catalogue=catalogue,
        inbox=inbox,
        pairings=pairings,
        outbox=outbox,
        worker=worker,
        outgoing=outgoing,
        lanes=lanes,
        chats=chats,
        chat_changes=chat_changes,
        gate=gate,
        agents=agents,
        commands=commands,
        dispatcher=dispatcher,
        results=results,
        road=road,
        events=events,
        tasks=tasks,
        sessions=sessions,
    )


def _host(house: House, manifest: ChannelManifest, account: str) -> ChannelHost:
    memory = ChannelMemory(house.storage, manifest.name, account)
    config, publish = house.settings.channels[manifest.name], house.events.publish
    try_again = house.catalogue.in_all_languages(words.TRY_AGAIN, house.settings.language)
    context = ChannelContext(account, config, house.clock, memory, try_again, publish)
    return ChannelHost(
        name=manifest.name,
        account=account,
        needs_token=not manifest.tokenless,
        open_channel=lambda: open_channel(manifest, context),
        clock=house.clock,
        inbox=house.inbox,
        path=house.road,
        outgoing=house.outgoing,
        worker=house.worker,
        commands=house.commands.cards(house.settings.language),
    )


def _accounts(settings: Settings, manifests: Mapping[str, ChannelManifest]) -> list[tuple[str, str]]:
    return [
        (name, account)
        for name, config in settings.channels.items()
        if config.enabled and not manifests[name].interactive
        for account, bot in config.accounts.items()
        if bot.token is not None or manifests[name].tokenless
    ]


def _rings(house: House, hosts: Sequence[ChannelHost], doorkeeper: Doorkeeper) -> list[Ring]:
    heartbeat = _heartbeat(house)

    async def notice_changes() -> None:
        if await house.storage.changed_elsewhere():
            house.gate.paired = await house.pairings.approved()
            await house.chat_changes.refresh()
            await doorkeeper.refresh()
            await house.dispatcher.look_after()

    async def prune() -> None:
        old = [house.inbox.prune(), house.outbox.prune(), house.pairings.forget_expired(), house.chats.prune()]
        await house.storage.commit([*old, forget_old_alerts(house.clock.now())])

    def retry(host: ChannelHost) -> Ring:
        return Ring(f"deliver {host.name}/{host.account}", 1, lambda: house.worker.tick(host.name, host.account))

    rings = [retry(host) for host in hosts]
    rings += [Ring("changes", 0.5, notice_changes), Ring("prune", 3600, prune)]
    rings.append(Ring("tasks", 60, house.dispatcher.look_after))
    if heartbeat is not None:
        rings.append(Ring("heartbeat", 60, heartbeat.beat))
    return rings


def _heartbeat(house: House) -> Heartbeat | None:
    """None where the settings switch it off."""
    settings = house.settings.heartbeat
    if not settings.enabled:
        return None
    agent_id = settings.agent or house.bindings.defaults.agent
    entry = next(entry for entry in house.bindings.agents if entry.id == agent_id)
    folder = entry.workspace or house.settings.agents.defaults.workspace
    hours = settings.active_hours
    return Heartbeat(
        storage=house.storage,
        clock=house.clock,
        agent_id=agent_id,
        agent=house.agents[agent_id],
        workspace=Path(folder).expanduser() if folder else None,
        rhythm=Rhythm(timedelta(minutes=settings.every_minutes), hours.start, hours.end, hours.zone),
        destination=_owner(house.settings),
        language=house.settings.language,
        outgoing=house.outgoing,
        user_waits=lambda: house.lanes.busy(f"agent:{agent_id}:"),
    )


def _owner(settings: Settings) -> Destination | None:
    """Where heartbeats go: `heartbeat.to`, or the direct chat of the first owner that is named anywhere."""
    to = settings.heartbeat.to
    if to is not None:
        return Destination(to.channel, to.account, to.chat, to.thread)
    for name, config in settings.channels.items():
        if config.enabled and config.owners and config.accounts:
            return Destination(name, next(iter(config.accounts)), config.owners[0])
    return None


def _status_teller(catalogue: Catalogue, tasks: TaskStore, clock: Clock) -> Callable[[Call], Awaitable[str]]:
    started: datetime = clock.now()

    async def status(call: Call) -> str:
        counts = await tasks.counts()
        uptime = str(clock.now() - started).split(".", maxsplit=1)[0]
        lines = (
            catalogue.say(call.language, words.STATUS_RUNNING, version=version("javis-bot"), uptime=uptime),
            catalogue.say(call.language, words.STATUS_AGENT, agent=call.agent),
            catalogue.say(
                call.language,
                words.STATUS_TASKS,
                running=counts.get("running", 0),
                queued=counts.get("queued", 0),
            ),
        )
        return "\n".join(lines)

    return status


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
