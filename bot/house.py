"""All parts of the bot but its channels, built in one place: whoever wants to know what needs what reads this."""

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from bot.absence import Absence
from bot.bindings_file import id_problems
from bot.bindings_watch import BindingsWatch, InForce, watch_for
from bot.budgets.ledger import Ledger
from bot.catalogue import Catalogue
from bot.chat_bindings import ChatBindings
from bot.commands import Commands
from bot.dispatch.dispatcher import Dispatcher
from bot.events import Events
from bot.ground import Delivery, Ground
from bot.heartbeat.plan import plans
from bot.key_alerts import KeyAlerts
from bot.owner import Owner
from bot.parts import (
    agent_builder,
    build_bindings_store,
    build_commands,
    build_delivery,
    build_dispatcher,
    build_heartbeats,
    build_road,
    build_schedules,
    build_turns,
    build_workshop,
)
from bot.pipeline.gate import Gate
from bot.pipeline.path import Path as Road
from bot.providers.choices import ModelChoices
from bot.providers.connections import open_connections
from bot.providers.cooldown import Cooldowns
from bot.providers.models import Models
from bot.schedules.heartbeat import Heartbeats
from bot.schedules.jobs import Schedules
from bot.sessions.lanes import Lanes
from bot.settings.legacy import unlisted_entry
from bot.settings.model import Settings
from bot.storage.opening import open_storage
from bot.stores import Stores, stores_on
from bot.workbench import open_workbench
from channels.clock import Clock
from channels.port import ChannelManifest
from routing.file import BindingsFile
from routing.table import Table

log = logging.getLogger(__name__)

TURNS_AT_ONCE: Final = 256


@dataclass(frozen=True, slots=True)
class House:
    """The parts that outlive any channel."""

    ground: Ground
    delivery: Delivery
    dispatcher: Dispatcher
    schedules: Schedules
    heartbeats: Heartbeats
    commands: Commands
    road: Road
    watch: BindingsWatch
    key_alerts: KeyAlerts
    absence: Absence

    @property
    def settings(self) -> Settings:
        return self.ground.settings

    @property
    def stores(self) -> Stores:
        return self.ground.stores

    @property
    def clock(self) -> Clock:
        return self.ground.stores.clock


@asynccontextmanager
async def open_house(
    settings: Settings, bindings: BindingsFile, manifests: Mapping[str, ChannelManifest], clock: Clock
) -> AsyncIterator[House]:
    """Build everything but the channels. Raises StorageError, AgentFault, ModelFault."""
    async with AsyncExitStack() as stack:
        storage = await stack.enter_async_context(open_storage(settings.database, clock))
        stores = stores_on(storage, clock, settings)
        connections = await stack.enter_async_context(open_connections())
        cooldowns = Cooldowns(settings.cooldown, clock, storage)
        await cooldowns.refresh()
        ledger = Ledger(storage, clock, settings.budgets)
        stack.push_async_callback(ledger.drain)
        bench = await stack.enter_async_context(open_workbench(settings.tools, storage, settings.home, clock))
        models = Models(
            settings.model_list,
            connections.through,
            clock,
            cooldowns=cooldowns,
            meter=ledger,
            unlisted=lambda name: unlisted_entry(name, settings.providers),
        )
        for fault in (fault for name in models.names for fault in models.faults(name)):
            log.warning("A model cannot be used", extra={"fault": str(fault)})
        ground = Ground(
            settings=settings,
            stores=stores,
            catalogue=Catalogue.load(),
            events=Events(clock),
            gate=Gate(settings.channels),
            lanes=Lanes(TURNS_AT_ONCE),
            models=models,
            ledger=ledger,
            bench=bench,
            bindings_store=build_bindings_store(settings, bindings, manifests, clock),
            id_problem=id_problems(manifests),
        )
        house = _build(ground, bindings)
        stack.push_async_callback(house.watch.close)
        yield house


def _build(ground: Ground, bindings: BindingsFile) -> House:
    settings, stores, clock = ground.settings, ground.stores, ground.clock
    delivery = build_delivery(ground)
    dispatcher = build_dispatcher(ground, delivery, lambda: road.agents)
    schedules = build_schedules(ground, delivery, lambda: road.agents)
    workshop = build_workshop(ground, delivery, schedules)
    choices = ModelChoices(stores.storage, clock)
    build = agent_builder(ground, workshop, choices)
    current = InForce(bindings, Table(bindings.bindings, bindings.defaults), build(bindings.agents))

    async def saved() -> None:
        await watch.look_at_once()

    binder = ChatBindings(
        ground.bindings_store,
        ground.gate,
        ground.catalogue,
        configs=settings.channels.get,
        in_force=lambda: (road.table, list(road.agents)),
        saved=saved,
    )
    turns = build_turns(ground, delivery.worker)
    commands = build_commands(ground, dispatcher, schedules, choices, binder, turns, lambda: road.agents)
    owner = Owner(settings, delivery.outgoing, stores.storage, lambda: road.table)
    road = build_road(ground, delivery, commands, turns, current, owner)
    watch = watch_for(current, road, owner, ground.lanes, ground.catalogue, clock, build, ground.bindings_store)
    heartbeats = build_heartbeats(
        ground, delivery, lambda: plans(settings, watch.file.agents, road.table), lambda: road.agents
    )
    alerts = KeyAlerts(stores.storage, owner, ground.catalogue, settings.language)
    absence = Absence(stores.storage, clock, owner, ground.catalogue)
    return House(ground, delivery, dispatcher, schedules, heartbeats, commands, road, watch, alerts, absence)
