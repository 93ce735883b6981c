"""`GET /metrics`: what waits and what runs, for Prometheus. https://prometheus.io/docs/instrumenting/exposition_formats/"""

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from bot.budgets.ledger import Ledger
from bot.budgets.limits import ALL, MILLION, Spent
from bot.methods.desk import Desk
from bot.providers.meter import Asker


async def metrics_text(desk: Desk) -> bytes:
    """The numbers of this moment. They name no person, chat or session."""
    registry = CollectorRegistry()
    outbox = Gauge("javis_outbox_rows", "Rows of the outbox by state.", ["state"], registry=registry)
    for state, number in (await desk.outbox.counts()).items():
        outbox.labels(state).set(number)
    tasks = Gauge("javis_tasks", "Tasks that wait or run.", ["state"], registry=registry)
    counts = await desk.tasks.counts()
    for state in ("queued", "running"):
        tasks.labels(state).set(counts.get(state, 0))
    inbox = Gauge("javis_inbox_waiting", "Updates that wait for their answer.", registry=registry)
    (row,) = await desk.storage.read("inbox.waiting_count", {})
    inbox.set(row["waiting"])
    names = ["channel", "account"]
    channels = Gauge("javis_channel_up", "1 while the channel account is open.", names, registry=registry)
    for each in desk.live.channels():
        channels.labels(each.channel, each.account).set(int(each.state == "running"))
    trouble = Gauge("javis_trouble", "How many things need a person.", registry=registry)
    trouble.set(len(desk.live.trouble()))
    await _models(desk, registry)
    return generate_latest(registry)


async def _models(desk: Desk, registry: CollectorRegistry) -> None:
    spent = (await Ledger(desk.storage, desk.clock, desk.settings.budgets).spent(Asker(""))).get(ALL, Spent())
    Gauge("javis_model_calls_today", "Calls to models today.", registry=registry).set(spent.calls)
    Gauge("javis_model_tokens_today", "Tokens used today.", registry=registry).set(spent.tokens)
    Gauge("javis_model_cost_today", "What models cost today.", registry=registry).set(spent.micros / MILLION)
    if desk.models is not None:
        cooling = Gauge("javis_model_keys_cooling", "Keys that are left alone for now.", registry=registry)
        cooling.set(desk.models.cooling())
