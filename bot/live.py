"""The running bot as the gateway sees it."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from bot.channel_host import ChannelHost
from bot.dispatch.dispatcher import Dispatcher
from bot.events import Events
from bot.methods.desk import ChannelState
from bot.methods.failure import UNAVAILABLE, MethodFailed
from bot.pipeline.outgoing import Outgoing
from channels.errors import NotSent
from channels.message import Destination
from channels.web.channel import WebChannel
from channels.web.parse import WEB_ACCOUNT, Said


@dataclass(frozen=True, slots=True)
class RunningBot:
    """Implements bot.methods.desk.Live. `ids` gives the agents in force."""

    events: Events
    hosts: Sequence[ChannelHost]
    outgoing: Outgoing
    dispatcher: Dispatcher
    ids: Callable[[], Collection[str]]

    @property
    def agents(self) -> Collection[str]:
        return self.ids()

    def channels(self) -> Sequence[ChannelState]:
        states = []
        for host in self.hosts:
            channel = self.outgoing.channel(Destination(host.name, host.account, ""))
            identity, notes = (None, ()) if channel is None else (channel.identity, channel.notes)
            states.append(ChannelState(host.name, host.account, host.state, identity, notes))
        return states

    def trouble(self) -> Sequence[str]:
        return [f"{host.name} ({host.account}) is {host.state}" for host in self.hosts if host.state != "running"]

    async def say(self, said: Said) -> None:
        channel = self.outgoing.channel(Destination("web", WEB_ACCOUNT, ""))
        if not isinstance(channel, WebChannel):
            raise MethodFailed(UNAVAILABLE, "the web channel is off: set channels.web.enabled to true")
        try:
            await channel.say(said)
        except NotSent as error:
            raise MethodFailed(UNAVAILABLE, str(error)) from None

    def task_queued(self) -> None:
        self.dispatcher.queued()

    def task_cancelled(self, task_id: str) -> None:
        self.dispatcher.cancelled(task_id)
