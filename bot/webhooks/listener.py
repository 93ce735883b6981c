"""The webhook listener: a small server of its own, so that it alone can be reached from outside."""

import logging
import math
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from bot.delivery.item import LIFETIME
from bot.errors import ConfigurationError
from bot.gateway.guard import Refused, caller_of, check_json_headers, read_body, refusal_response
from bot.gateway.limits import RateLimit
from bot.gateway.listening import Bounds, listening
from bot.gateway.server import BURST_SECONDS, UNKNOWN
from bot.gateway.tokens import Doorkeeper, bearer
from bot.settings.doors import DispatchSettings
from bot.storage.errors import StorageError
from bot.storage.port import Storage
from bot.tasks.keys import TaskKeys
from bot.tasks.projection import EndedTasks
from bot.tasks.reports import TaskReports
from bot.tasks.store import TaskStore
from bot.tasks.task import result_json, result_status
from bot.webhooks.callback import UNPROVEN, Callbacks, EndTask
from channels.clock import Clock
from channels.signature import read_signed

log = logging.getLogger(__name__)

MOST_CONNECTIONS: Final = 250
MOST_PENDING: Final = 1000
CALLBACK_PATH: Final = "/kimi/webhook/"
_TASK_ID: Final = re.compile(r"kimi-[0-9]{1,12}-[0-9a-f]{32}")


class Listener:
    """The routes. Anybody may ask for health; a runner shows its task's key, everybody else a gateway token."""

    def __init__(
        self,
        settings: DispatchSettings,
        clock: Clock,
        doorkeeper: Doorkeeper,
        callbacks: Callbacks,
        ended: EndedTasks,
        reports: TaskReports,
        results_folder: Path,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._doorkeeper = doorkeeper
        self._callbacks = callbacks
        self._ended = ended
        self._reports = reports
        self._results_folder = results_folder
        per_second = settings.webhook_rate_per_second
        self._rate = RateLimit(clock, per_second, max(1, round((per_second or 1) * BURST_SECONDS)))

    def app(self) -> Starlette:
        """The ASGI application."""
        routes = [
            Route("/health", self.get_health, methods=["GET"]),
            Route("/pending", self.get_pending, methods=["GET"]),
            Route("/latest", self.get_latest, methods=["GET"]),
            Route(CALLBACK_PATH + "{task_id:path}", self.post_callback, methods=["POST"]),
        ]
        handlers = {HTTPException: _not_here, Refused: _refused, StorageError: _unstored}
        app = Starlette(routes=routes, exception_handlers=handlers)  # type: ignore[arg-type]  # each takes its own kind
        app.router.redirect_slashes = False
        return app

    async def get_health(self, request: Request) -> JSONResponse:
        self._count(request)
        now = self._clock.now().isoformat()
        return JSONResponse({"status": "ok", "timestamp": now, "results_dir": str(self._results_folder)})

    async def get_pending(self, request: Request) -> JSONResponse:
        """Tasks that have not ended, or whose end their chat was not told, for as long as a notice lives."""
        self._let_in(request)
        return JSONResponse(
            {
                "tasks": [
                    {
                        "task_id": task.id,
                        "task_name": task.name,
                        "status": result_status(task),
                        "created_at": task.created.isoformat(),
                    }
                    for task in await self._reports.pending(LIFETIME["notice"], MOST_PENDING)
                ]
            }
        )

    async def get_latest(self, request: Request) -> JSONResponse:
        """The result of the task that ended last, as its file has it."""
        self._let_in(request)
        task = await self._ended.latest()
        if task is None:
            raise Refused(404, "no task has ended yet")
        return JSONResponse(result_json(task))

    async def post_callback(self, request: Request) -> JSONResponse:
        """The cheapest checks come first: nothing is read, and nothing computed, for who fails an earlier one."""
        # Not the matched parameter: a line feed at its end would be missing there.
        task_id = request.scope["path"].removeprefix(CALLBACK_PATH)
        if not _TASK_ID.fullmatch(task_id):
            raise Refused(404, "there is nothing here")
        self._count(request)
        most_bytes = self._settings.webhook_body_bytes
        check_json_headers(request, most_bytes)
        signed = read_signed({name.lower(): value for name, value in request.headers.items()})
        if signed is None:
            return JSONResponse(UNPROVEN.body, UNPROVEN.status)
        body = await read_body(request, most_bytes, self._clock)
        reply = await self._callbacks.take(task_id, signed, body)
        return JSONResponse(dict(reply.body), reply.status)

    def _let_in(self, request: Request) -> None:
        self._count(request)
        token = bearer(request.headers.get("authorization", ""))
        if token is None or self._doorkeeper.name_of(token) is None:
            raise Refused(401, UNKNOWN)

    def _count(self, request: Request) -> None:
        wait = self._rate.take(caller_of(request.scope))
        if wait:
            raise Refused(429, f"too many requests: try again in {math.ceil(wait)} s")


@asynccontextmanager
async def open_listener(
    settings: DispatchSettings,
    *,
    storage: Storage,
    clock: Clock,
    doorkeeper: Doorkeeper,
    ending: EndTask,
    tasks: TaskStore,
    results_folder: Path,
) -> AsyncIterator[str | None]:
    """Serve while the block runs; the address, None where there is no listener.

    Raises ConfigurationError where the port that the settings name is taken. A bot whose settings name none does
    without: it may be the second one on this machine.
    """
    callbacks = Callbacks(storage, clock, tasks, TaskKeys(storage, clock), ending)
    listener = Listener(
        settings, clock, doorkeeper, callbacks, EndedTasks(storage), TaskReports(storage, clock), results_folder
    )
    address = None
    async with AsyncExitStack() as stack:
        if settings.webhook_port is not None:
            where = (settings.webhook_host, settings.webhook_port, "dispatch.webhook_port")
            serving = listening(listener.app(), *where, bounds=Bounds(MOST_CONNECTIONS))
            try:
                address = await stack.enter_async_context(serving)
            except ConfigurationError as error:
                if "webhook_port" in settings.model_fields_set:
                    raise
                log.warning("There is no webhook listener", extra={"error": str(error)})
            else:
                log.info("The webhook listener listens", extra={"address": address})
        yield address


async def _not_here(_request: Request, error: HTTPException) -> JSONResponse:
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


async def _refused(_request: Request, refusal: Refused) -> JSONResponse:
    return refusal_response(refusal)


async def _unstored(_request: Request, error: StorageError) -> JSONResponse:
    log.warning("A webhook waits for the database in vain", extra={"error": str(error)})
    return JSONResponse({"error": "the database cannot be used right now: send the same message again"}, 503)
