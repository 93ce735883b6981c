"""The Bot API over HTTP: `<base>/bot<token>/<method>`, and the files under `<base>/file/bot<token>/`."""

import hmac
import inspect
from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import Final

from aiohttp import web

from channels.clock import Clock
from channels.simulator.call import Call, drop
from channels.simulator.faults import TELEGRAM_FAULTS, Fault, FaultKind, Faults
from channels.simulator.files import FileStore
from channels.simulator.telegram.methods import Handler
from channels.simulator.telegram.wire import ApiError, json_answer, ok, read_params, too_many_requests

CALLS_KEPT: Final = 500
_FILE_PREFIX: Final = "documents/"


class BotApi:
    """Checks the token, lets faults happen, calls the method and notes the call with `on_call`."""

    def __init__(
        self,
        clock: Clock,
        token: str,
        table: Mapping[str, Handler],
        files: FileStore,
        on_call: Callable[[Call], None],
    ) -> None:
        self._clock = clock
        self._token = token.encode()
        # The real server does not mind how a method's name is written.
        self._methods = {name.lower(): (name, handler) for name, handler in table.items()}
        self._files = files
        self._on_call = on_call
        self.calls: Counter[str] = Counter()
        self.recent: deque[Call] = deque(maxlen=CALLS_KEPT)
        self.faults = Faults(TELEGRAM_FAULTS)

    def add_routes(self, router: web.UrlDispatcher, prefix: str) -> None:
        router.add_route("*", prefix + "/bot{token}/{method}", self.handle)
        router.add_get(prefix + "/file/bot{token}/{path:.+}", self.download)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if not self._is_token(request.match_info["token"]):
            return json_answer(ApiError(401, "Unauthorized").body(), 401)
        known = self._methods.get(request.match_info["method"].lower())
        if known is None:
            return json_answer(ApiError(404, "Not Found").body(), 404)
        name, handler = known
        self.calls[name] += 1
        started = self._clock.monotonic()
        faults = self.faults.take(name)
        early = self._fail_early(faults)
        response, note = early if early is not None else await _answer(handler, request)
        if "delay" in faults:
            await self._clock.sleep(faults["delay"].seconds)
        if "lose_answer" in faults:
            response = None
        self._note(name, response, started, note or ", ".join(faults))
        return response if response is not None else drop(request)

    async def download(self, request: web.Request) -> web.StreamResponse:
        path = request.match_info["path"]
        if not self._is_token(request.match_info["token"]) or not path.startswith(_FILE_PREFIX):
            return json_answer(ApiError(404, "Not Found").body(), 404)
        data = await self._files.get(path.removeprefix(_FILE_PREFIX))
        if data is None:
            return json_answer(ApiError(404, "Not Found").body(), 404)
        return web.Response(body=data, content_type="application/octet-stream")

    def _is_token(self, token: str) -> bool:
        return hmac.compare_digest(token.encode("utf-8", "surrogateescape"), self._token)

    def _fail_early(self, faults: Mapping[FaultKind, Fault]) -> tuple[web.Response | None, str] | None:
        """The answer (None: dropped) and a note, where a fault spares the method the work; None: let it work."""
        if not faults:
            return None
        if "disconnect" in faults:
            return None, ""
        if "rate_limit" in faults:
            error = too_many_requests(max(1, round(faults["rate_limit"].seconds)))
            return json_answer(error.body(), error.code), ""
        if "server_error" in faults:
            return _server_error(faults["server_error"].status), ""
        return None

    def _note(self, name: str, response: web.Response | None, started: float, note: str) -> None:
        status = response.status if response is not None else 0
        milliseconds = round(1000 * (self._clock.monotonic() - started))
        call = Call("telegram", name, status, milliseconds, self._clock.now(), note)
        self.recent.append(call)
        self._on_call(call)


async def _answer(handler: Handler, request: web.Request) -> tuple[web.Response | None, str]:
    try:
        result = handler(await read_params(request))
        return ok(await result if inspect.isawaitable(result) else result), ""
    except ApiError as error:
        return json_answer(error.body(), error.code), error.description
    except web.HTTPRequestEntityTooLarge:
        return json_answer(ApiError(413, "Request Entity Too Large").body(), 413), ""


def _server_error(status: int) -> web.Response:
    """Telegram's own 500 is JSON; what stands in front of it answers 502 to 504 in HTML."""
    if status == 500:
        return json_answer(ApiError(500, "Internal Server Error").body(), 500)
    body = f"<html><head><title>{status}</title></head><body><center><h1>{status}</h1></center></body></html>"
    return web.Response(text=body, status=status, content_type="text/html")
