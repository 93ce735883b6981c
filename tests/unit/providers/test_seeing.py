"""Images on their way to a model: to whom they go, and what happens when they are refused."""

import json
from dataclasses import replace

import httpx
import pytest
from aiohttp import web

from bot.images import UNSEEN, Image
from bot.providers.errors import ContentRefused
from bot.providers.models import Models
from bot.providers.openai_compatible import Endpoint, OpenAICompatible
from bot.providers.port import ChatMessage, CompletionRequest
from channels.clock import ManualClock
from tests.unit.providers.server import ProviderServer, completion
from tests.unit.providers.setting import ListedEntry

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


def two(server: ProviderServer, http: httpx.AsyncClient, first: str, second: str) -> Models:
    """A blind model and one that sees, of these names."""
    entries = [
        ListedEntry(first, "vllm/blind", None, server.base_url),
        ListedEntry(second, "vllm/seeing", None, server.base_url, vision=True),
    ]
    return Models(entries, lambda _proxy: http, ManualClock())


def asked(server: ProviderServer) -> list[str]:
    return [request.json["model"] for request in server.received]


async def test_an_image_goes_to_whoever_sees_it_first_of_all(server: ProviderServer, http: httpx.AsyncClient) -> None:
    server.reply(completion())
    await two(server, http, "main", "spare").ask(["main", "spare"], ASK)
    assert asked(server) == ["seeing"]
    assert server.received[0].json["messages"][0]["content"] == SHOWN


async def test_of_one_name_those_that_see_are_asked_about_images(
    server: ProviderServer, http: httpx.AsyncClient
) -> None:
    models = two(server, http, "main", "main")
    for _ in range(3):
        server.reply(completion())
        await models.ask(["main"], ASK)
    assert asked(server) == ["seeing"] * 3


async def test_the_blind_are_asked_where_nobody_who_sees_answers(
    server: ProviderServer, http: httpx.AsyncClient
) -> None:
    server.reply({}, status=503)
    server.reply(completion("I cannot see it"))
    answered = await two(server, http, "main", "spare").ask(["main", "spare"], ASK)
    assert asked(server) == ["seeing", "blind"]
    assert server.received[1].json["messages"][0]["content"] == TOLD
    assert answered.completion.text == "I cannot see it"


async def test_words_alone_go_to_the_first(server: ProviderServer, http: httpx.AsyncClient) -> None:
    server.reply(completion())
    await two(server, http, "main", "spare").ask(["main", "spare"], CompletionRequest([ChatMessage("user", "hi")]))
    assert asked(server) == ["blind"]


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
