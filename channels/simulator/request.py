"""What all requests to the control API have in common."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from pydantic import Base64Bytes, BaseModel, ConfigDict, Field, ValidationError

from channels.clock import Clock, deadline
from channels.simulator.guard import Handler
from channels.simulator.places import UnknownPlace


class Body(BaseModel):
    """A JSON body without surprises."""

    model_config = ConfigDict(extra="forbid")


class SentFile(Body):
    """A file that somebody sends with words; `data` in base64."""

    name: str = Field(min_length=1, max_length=255)
    media_type: str = Field("application/octet-stream", max_length=100)
    data: Base64Bytes = Field(min_length=1)
    text: str = Field("", max_length=1024)


def told(handler: Handler) -> Handler:
    """Turn what the caller did wrong into 400 with one line."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False, include_context=False)[0]
            words = f"{'.'.join(str(step) for step in first['loc']) or 'body'}: {first['msg']}"
            return web.json_response({"error": words}, status=400)
        except (ValueError, UnknownPlace) as error:
            return web.json_response({"error": str(error)}, status=400)

    return answer


async def sent_once_there(
    clock: Clock, request: web.Request, wait: Callable[[int], Awaitable[list[dict[str, Any]]]]
) -> web.Response:
    """What the bot sent. `at_least` and `timeout` (seconds) in the query: wait until there are so many, or 408."""
    at_least = int(request.query.get("at_least", 0))
    try:
        async with deadline(clock, float(request.query.get("timeout", 30))):
            return web.json_response({"sent": await wait(at_least)})
    except TimeoutError:
        return web.json_response({"error": f"fewer than {at_least} messages"}, status=408)
