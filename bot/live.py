"""The running bot as the gateway sees it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bot.agents.port import Agent
from bot.bindings_watch import BindingsWatch
from bot.channel_host import ChannelHost
from bot.dispatch.dispatcher import Dispatcher
from bot.events import Events
from bot.inbox import InboxStore
from bot.methods.desk import ChannelState, ResultCache
from bot.methods.failure import UNAVAILABLE, MethodFailed
from bot.pipeline.outgoing import Outgoing
from bot.schedules.heartbeat import Heartbeats
from bot.schedules.jobs import Schedules
from bot.storage.port import Storage
from channels.errors import NotSent
from channels.message import Destination
from channels.web.channel import WebChannel
from channels.web.parse import WEB_ACCOUNT, Said, raw_update

FINE: Final = {"running", "standby"}  # on standby another machine holds the account


@dataclass(frozen=True, slots=True)
class RunningBot:
    """Implements bot.methods.desk.Live. `answering` gives the agents in force."""

    events: Events
    hosts: Sequence[ChannelHost]
    outgoing: Outgoing
    dispatcher: Dispatcher
    schedules: Schedules
    heartbeats: Heartbeats
    cache: ResultCache | None
    answering: Callable[[], Mapping[str, Agent]]
    watch: BindingsWatch
    webhook_address: str | None
    storage: Storage
    inbox: InboxStore

    @property
    def agents(self) -> Mapping[str, Agent]:
        return self.answering()

    def channels(self) -> Sequence[ChannelState]:
        states = []
        for host in self.hosts:
            channel = self.outgoing.channel(Destination(host.name, host.account, ""))
            identity, notes = (None, ()) if channel is None else (channel.identity, channel.notes)
            states.append(ChannelState(host.name, host.account, host.state, identity, notes))
        return states

    def trouble(self) -> Sequence[str]:
        channels = [
            f"{host.name} ({host.account}) is {host.condition}" for host in self.hosts if host.condition not in FINE
        ]
        count = len(self.watch.faults)
        stale = [f"the bindings have {count} fault(s): the last good version is in force"] if count else []
        unwritten = [self.storage.trouble] if self.storage.trouble else []
        return [*unwritten, *channels, *stale]

    def binding_faults(self) -> Sequence[str]:
        return self.watch.faults

    async def bindings_saved(self) -> None:
        await self.watch.look_at_once()

    async def say(self, said: Said) -> None:
        channel = self.outgoing.channel(Destination("web", WEB_ACCOUNT, ""))
        if not isinstance(channel, WebChannel):
            if any(host.name == "web" and host.state == "standby" for host in self.hosts):
                # The machine that holds the channel hears of the row, and its events come here.
                await self.inbox.store("web", WEB_ACCOUNT, [raw_update(said)])
                return
            raise MethodFailed(UNAVAILABLE, "the web channel is off: set channels.web.enabled to true")
        try:
            await channel.say(said)
        except NotSent as error:
            raise MethodFailed(UNAVAILABLE, str(error)) from None

    def task_queued(self) -> None:
        self.dispatcher.queued()

    def task_cancelled(self, task_id: str) -> None:
        self.dispatcher.cancelled(task_id)

    def jobs_changed(self) -> None:
        self.schedules.changed()
