"""Images on their way to a model: to whom they go, and what happens when they are refused."""

import json
from dataclasses import replace

import httpx
import pytest
from aiohttp import web

from bot.images import UNSEEN, Image
from bot.providers.errors import ContentRefused
from bot.providers.openai_compatible import Endpoint, OpenAICompatible
from bot.providers.port import ChatMessage, CompletionRequest
from channels.clock import ManualClock
from tests.unit.providers.server import ProviderServer, completion

GIF = Image("image/gif", b"GIF89a")
ASK = CompletionRequest([ChatMessage("user", "see", images=[GIF]), ChatMessage("user", "so?")])
SHOWN = [
    {"type": "text", "text": "see"},
    {"type": "image_url", "image_url": {"url": "data:image/gif;base64,R0lGODlh"}},
]
TOLD = f"see\n{UNSEEN}"


def model(server: ProviderServer, http: httpx.AsyncClient, *, vision: bool = True) -> OpenAICompatible:
    return OpenAICompatible(http, Endpoint(server.base_url, vision=vision), ManualClock())


@pytest.mark.parametrize(("vision", "sent"), [(True, SHOWN), (False, TOLD)])
async def test_images_go_to_models_that_see(
    server: ProviderServer, http: httpx.AsyncClient, *, vision: bool, sent: object
) -> None:
    server.reply(completion())
    await model(server, http, vision=vision).complete("m-1", ASK)
    assert [each["content"] for each in server.received[0].json["messages"]] == [sent, "so?"]


async def test_an_image_without_words_is_sent_without_an_empty_text(
    server: ProviderServer, http: httpx.AsyncClient
) -> None:
    server.reply(completion())
    await model(server, http).complete("m-1", CompletionRequest([ChatMessage("user", "", images=[GIF])]))
    assert server.received[0].json["messages"][0]["content"] == SHOWN[1:]


@pytest.mark.parametrize("status", [400, 413])
async def test_images_that_are_refused_are_left_out(
    server: ProviderServer, http: httpx.AsyncClient, status: int
) -> None:
    server.reply({"error": {"message": "cannot read image"}}, status)
    server.reply(completion("blind"))
    told: list[str] = []
    answer = await model(server, http).complete("m-1", replace(ASK, on_delta=told.append))
    assert (answer.text, told) == ("blind", ["blind"])
    assert server.received[1].json["messages"][0]["content"] == TOLD


async def test_a_refusal_after_the_first_words_is_the_end(server: ProviderServer, http: httpx.AsyncClient) -> None:
    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for event in (
            {"choices": [{"index": 0, "delta": {"content": "so "}}]},
            {"error": {"message": "no", "type": "content_filter"}},
        ):
            await response.write(f"data: {json.dumps(event)}\n\n".encode())
        return response

    server.handle(stream)
    told: list[str] = []
    with pytest.raises(ContentRefused):
        await model(server, http).complete("m-1", replace(ASK, on_delta=told.append))
    assert told == ["so "]
    assert len(server.received) == 1
