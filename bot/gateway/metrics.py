"""`GET /metrics`: what waits and what runs, for Prometheus. https://prometheus.io/docs/instrumenting/exposition_formats/"""

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from bot.methods.desk import Desk


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
    return generate_latest(registry)
