"""An OpenAI-compatible model that answers at once, always the same, and fails on demand.

https://platform.kimi.ai/docs/api/chat
"""

import asyncio
import hmac
import json
import math
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from aiohttp import web

from channels.clock import Clock
from channels.simulator.call import Call, call_wire, drop
from channels.simulator.faults import MODEL_FAULTS, Fault, FaultKind, Faults
from channels.simulator.hub import EventHub
from channels.simulator.model.chunks import chunks, finish_reason, server_sent
from channels.simulator.model.persona import answer, estimate_tokens, text_of
from channels.simulator.model.refusals import BAD_KEY, REFUSALS, Refusal, invalid_request

JsonBody = dict[str, Any]
Reply = str | JsonBody | Callable[[JsonBody], str | JsonBody]
"""A text, a whole assistant message, or a function that makes either from the request's body."""

COMPLETIONS: Final = "chat/completions"
BODIES_KEPT: Final = 2000
MODELS: Final = ("moonshot-v1-8k", "moonshot-v1-32k", "moonshot-v1-128k", "kimi-k2.6", "kimi-k3")
_MESSAGE_TOKENS: Final = 4  # role and separators of one message
_NOT_JSON: Final = "<html><body><h1>504 Gateway Time-out</h1></body></html>"


class ModelStandIn:
    """Answers from the replies handed in, in their order, and by its own persona when none are left."""

    def __init__(self, clock: Clock, key: str, *, hub: EventHub | None = None) -> None:
        self._clock = clock
        self._hub = hub or EventHub()
        self._replies: deque[Reply] = deque()
        self._count = 0
        self.key = key
        self.faults = Faults(MODEL_FAULTS)
        self.calls: deque[JsonBody] = deque(maxlen=BODIES_KEPT)
        self.recent: deque[Call] = deque(maxlen=200)

    def add_routes(self, router: web.UrlDispatcher, prefix: str) -> None:
        router.add_post(f"{prefix}/{COMPLETIONS}", self.complete)
        router.add_get(f"{prefix}/models", self.list_models)

    def reply_with(self, *replies: Reply) -> None:
        """Answer the next requests with `replies`, one each."""
        self._replies.extend(replies)

    async def list_models(self, request: web.Request) -> web.Response:
        if not self._has_key(request):
            return _refuse(BAD_KEY)
        models = [{"id": name, "object": "model", "created": 0, "owned_by": "simulator"} for name in MODELS]
        return web.json_response({"object": "list", "data": models})

    async def complete(self, request: web.Request) -> web.StreamResponse:
        """Answer a chat completion; every request with a readable body is noted in `calls`."""
        started = self._clock.monotonic()
        faults = self.faults.take(COMPLETIONS)
        body = await _read_body(request)
        if body is not None:
            self.calls.append(body)
        if "delay" in faults:
            await self._clock.sleep(faults["delay"].seconds)
        response = await self._respond(request, body, faults)
        self._note(0 if "disconnect" in faults or "lose_answer" in faults else response.status, started, faults)
        return response

    async def _respond(
        self, request: web.Request, body: JsonBody | None, faults: dict[FaultKind, Fault]
    ) -> web.StreamResponse:
        if "disconnect" in faults:
            return drop(request)
        if "not_json" in faults:
            return web.Response(text=_NOT_JSON, content_type="text/html")
        refusal = REFUSALS[faults["refuse"].reason] if "refuse" in faults else self._refusal(request, body)
        if body is None or refusal is not None:
            return _refuse(refusal or invalid_request("the body is no JSON object"))
        completion = self._complete(body)
        if body.get("stream"):
            return await self._stream(request, body, completion, faults)
        return drop(request) if "lose_answer" in faults else web.json_response(completion)

    async def _stream(
        self, request: web.Request, body: JsonBody, completion: JsonBody, faults: dict[FaultKind, Fault]
    ) -> web.StreamResponse:
        """Send `completion` as server-sent events; a fault ends them half way."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
        await response.prepare(request)
        events = list(chunks(completion, with_usage=bool((body.get("stream_options") or {}).get("include_usage"))))
        broken = "lose_answer" in faults or "break_off" in faults
        for event in events[: len(events) // 2] if broken else events:
            if "slow" in faults:
                await self._clock.sleep(faults["slow"].seconds)
            await response.write(server_sent(event))
            await asyncio.sleep(0)
        if "lose_answer" in faults:
            return drop(request)
        end = server_sent(REFUSALS["engine_overloaded"].body()) if broken else b"data: [DONE]\n\n"
        await response.write(end)
        await response.write_eof()
        return response

    def _refusal(self, request: web.Request, body: JsonBody | None) -> Refusal | None:
        return _check(body) if self._has_key(request) else BAD_KEY

    def _has_key(self, request: web.Request) -> bool:
        given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        return hmac.compare_digest(given, f"Bearer {self.key}".encode())

    def _complete(self, body: JsonBody) -> JsonBody:
        reply: Reply = self._replies.popleft() if self._replies else answer(body["messages"])
        made = reply(body) if callable(reply) else reply
        message = {"role": "assistant"} | ({"content": made} if isinstance(made, str) else made)
        self._count += 1
        prompt = sum(estimate_tokens(text_of(each)) + _MESSAGE_TOKENS for each in body["messages"])
        written = estimate_tokens(text_of(message))
        return {
            "id": f"chatcmpl-simulated-{self._count}",
            "object": "chat.completion",
            "created": int(self._clock.now().timestamp()),
            "model": body["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": finish_reason(message)}],
            "usage": {
                "prompt_tokens": prompt,
                "completion_tokens": written,
                "total_tokens": prompt + written,
                "cached_tokens": 0,
            },
        }

    def _note(self, status: int, started: float, faults: dict[FaultKind, Fault]) -> None:
        milliseconds = round(1000 * (self._clock.monotonic() - started))
        call = Call("model", COMPLETIONS, status, milliseconds, self._clock.now(), ", ".join(faults))
        self.recent.append(call)
        self._hub.publish("call", call_wire(call))


async def _read_body(request: web.Request) -> JsonBody | None:
    """None when it is no JSON object."""
    try:
        body = json.loads(await request.read())
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _check(body: JsonBody | None) -> Refusal | None:
    """Why Moonshot would refuse this body, None when it would not."""
    messages = body.get("messages") if body else None
    if body is None or not isinstance(body.get("model"), str):
        return invalid_request("model is required")
    if not isinstance(messages, list) or not messages or not all(isinstance(each, dict) for each in messages):
        return invalid_request("messages must be a non-empty array of objects")
    if any(each.get("role") not in {"system", "user", "assistant", "tool"} for each in messages):
        return invalid_request("invalid role in messages")
    return _check_temperature(body["model"], body.get("temperature"))


def _check_temperature(model: str, temperature: Any) -> Refusal | None:
    """None, the temperature nobody set, is always right; the K models fix their sampling."""
    if temperature is None:
        return None
    if model.startswith("kimi-") and temperature != 1:
        return invalid_request("invalid temperature: only 1 is allowed for this model")
    if not isinstance(temperature, (int, float)) or not math.isfinite(temperature) or not 0 <= temperature <= 1:
        return invalid_request("invalid temperature: it must be between 0 and 1")
    return None


def _refuse(refusal: Refusal) -> web.Response:
    wait = refusal.retry_after_seconds
    headers = {"Retry-After": str(wait)} if wait is not None else None
    return web.json_response(refusal.body(), status=refusal.status, headers=headers)
