"""A Discord of its own for the unmodified client libraries: servers, threads, direct chats, and people to play."""

import hmac
from collections import Counter, deque
from collections.abc import Callable
from typing import Final

from aiohttp import web

from channels.clock import Clock
from channels.simulator.call import call_wire
from channels.simulator.discord.access import Access
from channels.simulator.discord.application import Application
from channels.simulator.discord.gateway import HEARTBEAT_SECONDS, Gateway
from channels.simulator.discord.interactions import Interactions
from channels.simulator.discord.messages import Messages
from channels.simulator.discord.people import People
from channels.simulator.discord.places import Places
from channels.simulator.discord.posts import Posts
from channels.simulator.discord.rest import Rest
from channels.simulator.discord.routes import routes_of
from channels.simulator.discord.seed import seed_records
from channels.simulator.discord.servers import Servers
from channels.simulator.discord.snowflakes import Snowflakes
from channels.simulator.discord.state import EPHEMERAL, DiscordState
from channels.simulator.discord.wire import Wire
from channels.simulator.faults import Faults
from channels.simulator.files import FileStore
from channels.simulator.hub import EventHub
from channels.simulator.journal import Journal, NoJournal
from channels.simulator.storage import discord_token
from channels.simulator.waiting import Waiting
from channels.simulator.world import World

SentCondition = Callable[[list[Wire]], bool]
TYPING_KEPT: Final = 10_000
API_PATH: Final = "/api/v10"


class DiscordStandIn(People):
    """The platform, seen from outside the bot: what people do, what the bot sent, what goes wrong.

    `state` may hold what an earlier process remembered; `journal` keeps what happens from now on.
    """

    def __init__(
        self,
        clock: Clock,
        token: str,
        *,
        state: DiscordState | None = None,
        journal: Journal | None = None,
        files: FileStore | None = None,
        hub: EventHub | None = None,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
    ) -> None:
        hub, files = hub or EventHub(), files or FileStore(None)
        world = World(
            state or DiscordState(),
            journal or NoJournal(),
            lambda kind, wire: hub.publish("discord", {"t": kind, "d": wire}),
        )
        ids = Snowflakes(clock, world.state.last_id)
        access, posts = Access(world.state), Posts(clock, world, ids, files)
        messages = Messages(clock, world, access, posts)
        places = Places(clock, world, access, posts, messages, ids)
        interactions = Interactions(clock, world, posts, messages, ids)
        super().__init__(world, ids, posts, messages, places, interactions)
        self.servers = Servers(world, ids)
        application = Application(world, ids)
        self._files = files
        self._waiting = Waiting()
        self.typing: deque[Wire] = deque(maxlen=TYPING_KEPT)
        self.rest = Rest(clock, token, lambda call: hub.publish("call", call_wire(call)))
        self.gateway = Gateway(clock, world, application, self.rest.faults, heartbeat_seconds)
        self.gateway.token = token
        self._routes = routes_of(application, messages, places, interactions, self.gateway)
        world.listen(self._on_event)
        if not self.state.users:
            for record in seed_records():
                world.record(record)

    @property
    def token(self) -> str:
        return self.rest.token

    @property
    def calls(self) -> Counter[str]:
        """Calls with the right token, by route, those that a fault ate included."""
        return self.rest.calls

    @property
    def faults(self) -> Faults:
        return self.rest.faults

    @property
    def limits_on(self) -> bool:
        """Whether Discord's rate limits hold, and are told in the headers."""
        return self.rest.buckets.on

    @limits_on.setter
    def limits_on(self, on: bool) -> None:
        self.rest.buckets.on = on

    def add_routes(self, router: web.UrlDispatcher, prefix: str) -> None:
        router.add_get(f"{prefix}/gateway", self.gateway.connect)
        router.add_get(f"{prefix}/gateway/", self.gateway.connect)
        router.add_get(f"{prefix}/attachments/{{channel}}/{{file}}/{{name}}", self._download)
        self.rest.add_routes(router, prefix + API_PATH, self._routes)

    def serve_files_at(self, address: str) -> None:
        """Where this stand-in can be reached, for the addresses of attachments."""
        self._posts.cdn = address

    def reset_token(self) -> str:
        """A new token, as an owner makes one when the old is known to others. Sessions end."""
        self.rest.token = self.gateway.token = discord_token()
        self.gateway.close(4004)
        return self.rest.token

    def shown(self, message: Wire) -> Wire:
        """A message as REST shows it."""
        return self._posts.shown(message)

    def sent(self, channel_id: str | None = None, *, private: bool = True) -> list[Wire]:
        """The bot's messages in the order of sending, as they read now; deleted ones are gone. None: of all channels.

        `private` False leaves out what only one person sees.
        """
        messages = [
            self.state.places[place].messages[message]
            for place, message in self.state.by_bot
            if channel_id in {None, place}
        ]
        return [each for each in messages if private or not each["flags"] & EPHEMERAL]

    async def wait_for_sent(self, want: int | SentCondition, channel_id: str | None = None) -> list[Wire]:
        """Return `sent(channel_id)` once there are `want` messages with content, or once the condition holds.

        A condition is tried anew whenever anything happens.
        """

        def holds() -> bool:
            sent = self.sent(channel_id)
            return want(sent) if callable(want) else sum(bool(each["content"]) for each in sent) >= want

        await self.wait_until(holds)
        return self.sent(channel_id)

    async def wait_until(self, holds: Callable[[], bool]) -> None:
        """Return once `holds` is true, which is looked at whenever anything happens here."""
        await self._waiting.until(holds)

    def close(self) -> None:
        """End all connections of the gateway."""
        self.gateway.close()

    async def _download(self, request: web.Request) -> web.StreamResponse:
        file_id = request.match_info["file"]
        is_signed = hmac.compare_digest(request.query.get("hm", "").encode(), self._posts.signature(file_id).encode())
        data = await self._files.get(file_id) if is_signed and file_id in self.state.files else None
        if data is None:
            return web.Response(status=404)
        headers = {"Content-Disposition": "attachment", "X-Content-Type-Options": "nosniff"}
        return web.Response(body=data, content_type="application/octet-stream", headers=headers)

    def _on_event(self, kind: str, wire: Wire) -> None:
        if kind == "TYPING_START":
            self.typing.append(wire)
        self._waiting.look()
