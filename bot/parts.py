"""How each part of the house is built from the ground and from the parts before it."""

from collections.abc import Callable, Mapping, Sequence

from bot import words
from bot.agents.port import Agent
from bot.agents.registry import build_agents, installed_kinds
from bot.bindings_file import BindingsStore, id_problems
from bot.bindings_watch import InForce
from bot.chat_bindings import ChatBindings
from bot.chat_models import ChatModels
from bot.chat_tasks import ChatTasks
from bot.commands import Commands
from bot.delivery.sender import Effects, Sender
from bot.delivery.worker import DeliveryWorker
from bot.dispatch.call import sees
from bot.dispatch.dispatcher import Dispatcher
from bot.dispatch.notice import when_sent
from bot.dispatch.teller import TaskTeller
from bot.ground import Delivery, Ground
from bot.heartbeat.plan import Plan
from bot.letterbox import Letterbox
from bot.owner import Owner
from bot.pipeline.chat_changes import ChatChanges
from bot.pipeline.compactor import Compactor
from bot.pipeline.draft import Drafts
from bot.pipeline.endings import Endings
from bot.pipeline.history import History
from bot.pipeline.outgoing import Outgoing
from bot.pipeline.path import Path as Road
from bot.pipeline.questions import Questions
from bot.pipeline.turns import Turns
from bot.pipeline.why import Why
from bot.providers.choices import ModelChoices
from bot.reminders import Reminders
from bot.schedules.heartbeat import Heartbeats
from bot.schedules.jobs import Schedules
from bot.settings.language_models import KIMI
from bot.settings.model import Settings
from bot.status import Status
from bot.tasks.results import ResultFiles
from bot.tools.call import Limits
from bot.tools.port import Workshop
from channels.clock import Clock
from channels.port import ChannelManifest
from routing.entries import AgentEntry
from routing.file import BindingsFile


def build_schedules(ground: Ground, delivery: Delivery, agents: Callable[[], Mapping[str, Agent]]) -> Schedules:
    stores = ground.stores
    return Schedules(
        storage=stores.storage,
        clock=ground.clock,
        jobs=stores.jobs,
        sessions=stores.sessions,
        lanes=ground.lanes,
        outgoing=delivery.outgoing,
        catalogue=ground.catalogue,
        agents=agents,
        is_owner=ground.gate.is_owner,
    )


def build_workshop(ground: Ground, delivery: Delivery, schedules: Schedules) -> Workshop:
    return ground.bench.with_house(
        ground.settings,
        Letterbox(ground.settings, ground.gate, delivery.outgoing),
        ground.stores.jobs,
        schedules.changed,
        lambda language, text: ground.catalogue.say(language, words.REMINDER, text=text),
    )


def build_heartbeats(
    ground: Ground,
    delivery: Delivery,
    planned: Callable[[], Sequence[Plan]],
    agents: Callable[[], Mapping[str, Agent]],
) -> Heartbeats:
    return Heartbeats(
        storage=ground.stores.storage,
        store=ground.stores.heartbeats,
        clock=ground.clock,
        lanes=ground.lanes,
        outgoing=delivery.outgoing,
        language=ground.settings.language,
        plans=planned,
        agents=agents,
        is_owner=ground.gate.is_owner,
    )


def agent_builder(
    ground: Ground, workshop: Workshop, choices: ModelChoices
) -> Callable[[Sequence[AgentEntry]], Mapping[str, Agent]]:
    settings, kinds = ground.settings, installed_kinds()
    limits = Limits(settings.tools.seconds, settings.tools.result_characters)

    def build(entries: Sequence[AgentEntry]) -> Mapping[str, Agent]:
        defaults = settings.agents.defaults
        return build_agents(entries, defaults, ground.models, ground.clock, kinds, workshop, limits, choices.of)

    return build


def build_delivery(ground: Ground) -> Delivery:
    settings, stores, catalogue = ground.settings, ground.stores, ground.catalogue
    results = ResultFiles(settings.home / "kimi-dispatch" / "results", stores.storage)
    changes = ChatChanges(stores.chats, stores.outbox, stores.sessions, stores.tasks, stores.jobs, ground.gate)
    sender = Sender(
        stores.storage,
        stores.outbox,
        ground.clock,
        labels=lambda tag: catalogue.say(catalogue.language_for(tag, settings.language), words.POSSIBLE_DUPLICATE),
        effects=Effects(
            sent=lambda item: when_sent(item, stores.reports),
            moved=changes.moved,
            closed=changes.closed,
            after_sent=lambda _item: results.mark_stale(),
            after_change=changes.refresh,
        ),
        resent=settings.delivery.resent,
    )
    worker = DeliveryWorker(stores.storage, stores.outbox, ground.clock, sender)
    return Delivery(worker, Outgoing(stores.outbox, worker, ground.clock), changes, results)


def build_dispatcher(ground: Ground, delivery: Delivery, agents: Callable[[], Mapping[str, Agent]]) -> Dispatcher:
    settings, stores = ground.settings.dispatch, ground.stores
    teller = TaskTeller(
        storage=stores.storage,
        clock=ground.clock,
        tasks=stores.tasks,
        reports=stores.reports,
        results=delivery.results,
        outgoing=delivery.outgoing,
        catalogue=ground.catalogue,
        settings=settings,
        events=ground.events,
    )
    return Dispatcher(
        storage=stores.storage,
        clock=ground.clock,
        tasks=stores.tasks,
        reports=stores.reports,
        teller=teller,
        models=ground.models,
        settings=settings,
        agents=agents,
        is_owner=ground.gate.is_owner,
    )


def build_commands(
    ground: Ground,
    dispatcher: Dispatcher,
    schedules: Schedules,
    choices: ModelChoices,
    binder: ChatBindings,
    turns: Turns,
    agents: Callable[[], Mapping[str, Agent]],
) -> Commands:
    settings, stores, catalogue, gate = ground.settings, ground.stores, ground.catalogue, ground.gate
    names = settings.agents.choices or ground.models.names
    reminders = Reminders(stores.jobs, catalogue, settings.schedules.zone, schedules.changed)
    return Commands(
        tasks=ChatTasks(
            stores.tasks,
            reminders,
            catalogue,
            default_model=settings.dispatch.model or KIMI,
            per_user=settings.dispatch.per_user,
            most=settings.dispatch.most,
            agents=agents,
            sees=lambda model, agent: sees(ground.models, agents(), model, agent),
            queued=dispatcher.queued,
            cancelled=dispatcher.cancelled,
            stop_turn=turns.stop,
        ),
        sessions=stores.sessions,
        catalogue=catalogue,
        reminders=reminders,
        status=Status(catalogue, stores.tasks, ground.ledger, settings.budgets, ground.clock, gate.is_owner).tell,
        why=Why(stores.traces, gate, catalogue).tell,
        history=History(stores.sessions, gate, catalogue).tell,
        chooser=ChatModels(choices, names, is_owner=gate.is_owner, catalogue=catalogue),
        binder=binder,
    )


def build_turns(ground: Ground, worker: DeliveryWorker) -> Turns:
    settings, stores = ground.settings, ground.stores
    defaults = settings.agents.defaults
    most = defaults.history_limit if settings.sessions.compaction == "summary" else 0
    compactor = Compactor(
        stores.storage, stores.sessions, ground.lanes, records=most, characters=defaults.history_characters
    )

    async def clearance() -> None:
        await worker.clearance()  # the one that holds then: it is replaced where machines share the work

    return Turns(
        clock=ground.clock,
        drafts=Drafts(stores.storage, stores.inbox, ground.clock, clearance),
        sessions=stores.sessions,
        gate=ground.gate,
        catalogue=ground.catalogue,
        events=ground.events,
        compactor=compactor,
        questions=Questions(ground.bench.approvals, stores.storage, ground.clock, ground.catalogue),
    )


def build_road(
    ground: Ground, delivery: Delivery, commands: Commands, turns: Turns, current: InForce, owner: Owner
) -> Road:
    stores = ground.stores
    return Road(
        storage=stores.storage,
        clock=ground.clock,
        inbox=stores.inbox,
        sessions=stores.sessions,
        lanes=ground.lanes,
        gate=ground.gate,
        table=current.table,
        agents=current.agents,
        commands=commands,
        chat_changes=delivery.chat_changes,
        outgoing=delivery.outgoing,
        catalogue=ground.catalogue,
        language=ground.settings.language,
        turns=turns,
        endings=build_endings(ground, delivery, owner),
    )


def build_endings(ground: Ground, delivery: Delivery, owner: Owner) -> Endings:
    stores = ground.stores
    return Endings(
        storage=stores.storage,
        clock=ground.clock,
        inbox=stores.inbox,
        pairings=stores.pairings,
        lanes=ground.lanes,
        chat_changes=delivery.chat_changes,
        outgoing=delivery.outgoing,
        catalogue=ground.catalogue,
        language=ground.settings.language,
        events=ground.events,
        traces=stores.traces,
        for_owner=owner.queue,
    )


def build_bindings_store(
    settings: Settings, bindings: BindingsFile, manifests: Mapping[str, ChannelManifest], clock: Clock
) -> BindingsStore | None:
    """None for bindings that come from no file."""
    if bindings.path is None:
        return None
    return BindingsStore(bindings.path, settings.home / "bindings", clock, id_problems(manifests))
