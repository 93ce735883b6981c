"""All of the simulator behind one port: the page, the platforms, and the control API."""

import ipaddress
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

from aiohttp import web

from channels.clock import Clock
from channels.simulator.control import Control
from channels.simulator.discord.control import DiscordControl
from channels.simulator.discord.stand_in import API_PATH, DiscordStandIn
from channels.simulator.guard import Guard, Handler
from channels.simulator.hub import EventHub
from channels.simulator.model.stand_in import ModelStandIn
from channels.simulator.storage import Remembered, open_folder
from channels.simulator.telegram.stand_in import TelegramStandIn

TELEGRAM_PATH: Final = "/telegram"
DISCORD_PATH: Final = "/discord"
MODEL_PATH: Final = "/model/v1"
BODY_BYTES: Final = 64 * 1024 * 1024  # a bot uploads 50 MB at most
_MEDIA_TYPES: Final = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Simulator:
    """A running simulator. `url` is the page's, without a slash at the end."""

    url: str
    telegram: TelegramStandIn
    discord: DiscordStandIn
    model: ModelStandIn

    @property
    def telegram_api_base(self) -> str:
        return self.url + TELEGRAM_PATH

    @property
    def telegram_token(self) -> str:
        return self.telegram.token

    @property
    def discord_api_base(self) -> str:
        return self.url + DISCORD_PATH + API_PATH

    @property
    def discord_token(self) -> str:
        return self.discord.token

    @property
    def model_api_base(self) -> str:
        return self.url + MODEL_PATH

    @property
    def model_key(self) -> str:
        return self.model.key


@asynccontextmanager
async def run_simulator(
    *, host: str = "127.0.0.1", port: int, state_dir: Path | None, clock: Clock
) -> AsyncIterator[Simulator]:
    """Serve until the block ends. `port` 0 takes any; `state_dir` None keeps everything in memory.

    Raises OSError when the port or the folder is in use, and ValueError for a host outside the loopback: whoever
    reaches the page may do everything.
    """
    if not (host == "localhost" or ipaddress.ip_address(host).is_loopback):
        raise ValueError(f"the simulator listens on the loopback only, not on {host}")
    async with AsyncExitStack() as stack:
        remembered = stack.enter_context(open_folder(state_dir))
        hub = EventHub()
        telegram, discord, model = _platforms(remembered, clock, hub)
        app = web.Application(client_max_size=BODY_BYTES)
        guard = Guard({host, "localhost", "127.0.0.1", "::1"})
        telegram.api.add_routes(app.router, TELEGRAM_PATH)
        discord.add_routes(app.router, DISCORD_PATH)
        model.add_routes(app.router, MODEL_PATH)
        Control(clock, telegram, discord, model, remembered.files, hub).add_routes(app.router, guard)
        DiscordControl(clock, discord).add_routes(app.router, guard)
        _add_page(app.router, guard)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1.0)
        stack.push_async_callback(runner.cleanup)
        await runner.setup()
        # Whoever waits for an event must hear the end before the server waits for them.
        stack.callback(hub.close)
        stack.callback(telegram.close)
        stack.callback(discord.close)
        await web.TCPSite(runner, host, port).start()
        simulator = Simulator(_url(host, int(runner.addresses[0][1])), telegram, discord, model)
        discord.serve_files_at(simulator.url + DISCORD_PATH)
        yield simulator


def _platforms(
    remembered: Remembered, clock: Clock, hub: EventHub
) -> tuple[TelegramStandIn, DiscordStandIn, ModelStandIn]:
    files, telegram, discord = remembered.files, remembered.telegram, remembered.discord
    return (
        TelegramStandIn(clock, telegram.token, state=telegram.state, journal=telegram.journal, files=files, hub=hub),
        DiscordStandIn(clock, discord.token, state=discord.state, journal=discord.journal, files=files, hub=hub),
        ModelStandIn(clock, remembered.model_key, hub=hub),
    )


def _add_page(router: web.UrlDispatcher, guard: Guard) -> None:
    for file in files("channels.simulator").joinpath("page").iterdir():
        path = "/" if file.name == "index.html" else f"/{file.name}"
        media_type = _MEDIA_TYPES[file.name.rpartition(".")[2]]
        router.add_get(path, guard.protect(_page_file(file.read_bytes(), media_type)))


def _page_file(body: bytes, media_type: str) -> Handler:
    async def serve(_request: web.Request) -> web.Response:
        return web.Response(body=body, content_type=media_type, charset="utf-8")

    return serve


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
