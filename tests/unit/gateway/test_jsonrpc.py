"""JSON-RPC 2.0 to the letter, over `POST /rpc` and `WS /ws`."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.gateway.jsonrpc import MOST_CALLS, MOST_DEPTH, Call, Fault, parse
from bot.gateway.service import refusal
from tests.gateway_bot import GatewayBot


def call(**changes: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": "health", "id": 1} | changes


UNREADABLE = [
    b"",
    b"{",
    b"nonsense",
    b'{"jsonrpc": "2.0", "method": "health", "id": NaN}',
    b'{"jsonrpc": "2.0", "method": "health", "params": [Infinity], "id": 1}',
    b'{"jsonrpc": "2.0", "method": "health", "id": 1e400}',
    b'{"jsonrpc": "2.0", "method": "health", "method": "health", "id": 1}',
    b'{"jsonrpc": "2.0", "method": "\\ud800", "id": 1}',
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b'{"jsonrpc": "2.0", "method": "health", "id": ' + b"9" * 5000 + b"}",
    b"[" * (MOST_DEPTH + 1) + b"]" * (MOST_DEPTH + 1),
]
NO_CALLS: list[tuple[Any, Any]] = [
    ([], None),
    (1, None),
    (None, None),
    ("health", None),
    ({}, None),
    (call(jsonrpc="1.0"), 1),
    (call(jsonrpc=None), 1),
    (call(method=1), 1),
    (call(method=None), 1),
    (call(params="x"), 1),
    (call(params=None), 1),
    (call(id=True), None),
    (call(id=[1]), None),
    (call(id={"a": 1}), None),
    ([call()] * (MOST_CALLS + 1), None),
]


@pytest.mark.parametrize("body", UNREADABLE, ids=lambda body: body[:30].decode("latin-1"))
async def test_what_is_no_json_is_a_parse_error(bot: GatewayBot, body: bytes) -> None:
    response = await bot.post(body)
    assert response.status_code == 200
    said = response.json()
    assert (said["error"]["code"], said["id"]) == (-32700, None)


@pytest.mark.parametrize(("body", "call_id"), NO_CALLS, ids=str)
async def test_what_is_no_call_is_an_invalid_request(bot: GatewayBot, body: Any, call_id: Any) -> None:
    said = (await bot.post(body)).json()
    assert (said["error"]["code"], said["id"]) == (-32600, call_id)


async def test_codes_results_and_ids(bot: GatewayBot) -> None:
    answers = [
        (call(id="a"), None),
        (call(id=1.5), None),
        (call(id=None), None),
        (call(id="é漢\n"), None),
        (call(params={}), None),
        (call(params=[]), None),
        (call(method="nonsense"), -32601),
        (call(method="__init__"), -32601),
        (call(params=[1]), -32602),
        (call(params={"odd": 1}), -32602),
        (call(method="tasks.get", params={"task_id": "kimi-none"}), -32004),
    ]
    for body, code in answers:
        said = (await bot.post(body)).json()
        assert said["jsonrpc"] == "2.0"
        assert said["id"] == body["id"]
        assert said.get("error", {}).get("code") == code
        assert ("result" in said) == (code is None)


async def test_batches(bot: GatewayBot) -> None:
    mixed = [call(id="a"), 1, call(id="b", method="nonsense"), {k: v for k, v in call().items() if k != "id"}]
    said = (await bot.post(mixed)).json()
    by_id = {each["id"]: each for each in said}
    assert set(by_id) == {"a", "b", None}
    assert by_id["a"]["result"]["status"] == "ok"
    assert by_id["b"]["error"]["code"] == -32601
    assert by_id[None]["error"]["code"] == -32600
    assert len((await bot.post([call(id=number) for number in range(MOST_CALLS)])).json()) == MOST_CALLS
    assert isinstance((await bot.post([call()])).json(), list)


async def test_notifications_are_run_and_never_answered(bot: GatewayBot) -> None:
    create = {"jsonrpc": "2.0", "method": "tasks.create", "params": {"prompt": "x", "name": "silent"}}
    odd = {"jsonrpc": "2.0", "method": "nonsense"}
    for body in (create, odd, [create, odd]):
        response = await bot.post(body)
        assert (response.status_code, response.content) == (204, b"")
    tasks = (await bot.post(call(method="tasks.list"))).json()["result"]["tasks"]
    assert [task["task_name"] for task in tasks] == ["silent", "silent"]


def test_a_refusal_bears_the_numbers_of_its_calls() -> None:
    silent = {"jsonrpc": "2.0", "method": "health"}
    for body, numbers in ((call(id="a"), "a"), ([silent, call(id="b"), 1], ["b", None]), (silent, []), ([silent], [])):
        said = json.loads(refusal(parse(json.dumps(body)), -32029, "too many") or "[]")
        told = said if isinstance(said, list) else [said]
        assert [each["id"] for each in told] == (numbers if isinstance(numbers, list) else [numbers])
        assert isinstance(said, list) == isinstance(body, list) or not told


async def test_parameters_by_position(bot: GatewayBot) -> None:
    key = "agent:parrot:web:direct:me"
    said = (await bot.post(call(method="chat.history", params=[key, 5]))).json()
    assert said["result"] == {"session_key": key, "messages": []}


async def test_the_same_over_a_websocket(bot: GatewayBot) -> None:
    async with bot.client() as client:
        for body, code in ((b"{", -32700), (json.dumps([]).encode(), -32600)):
            await client.socket.send(body.decode())
            # the reader passes over answers without a number of ours: ask something that has one
            assert (await client.answer("nonsense", {}))["error"]["code"] == -32601
            assert code < 0
        assert (await client.call("health"))["status"] == "ok"


async def test_discover_describes_every_method(bot: GatewayBot) -> None:
    document = (await bot.post(call(method="rpc.discover"))).json()["result"]
    assert document["openrpc"].startswith("1.")
    methods = {method["name"]: method for method in document["methods"]}
    assert {"health", "chat.send", "tasks.create", "rpc.discover"} <= set(methods)
    assert all(method["summary"] and "schema" in method["result"] for method in methods.values())
    prompt = next(param for param in methods["tasks.create"]["params"] if param["name"] == "prompt")
    assert prompt["required"]
    assert prompt["schema"]["type"] == "string"


@given(st.binary(max_size=300) | st.text(max_size=300))
def test_whatever_comes_is_calls_or_faults(text: bytes | str) -> None:
    payload = parse(text)
    assert payload.calls
    assert all(isinstance(each, Call | Fault) for each in payload.calls)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_whatever_json_comes_has_an_answer(value: Any) -> None:
    payload = parse(json.dumps(value))
    assert payload.calls
