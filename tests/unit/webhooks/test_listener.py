"""What the webhook listener shows, to whom, and what it refuses before it reads anything."""

import asyncio
import contextlib
import socket
from pathlib import Path

import httpx
import pytest

from bot.errors import ConfigurationError
from tests.unit.webhooks.setting import COMPLETION, TOKEN, Desk, open_desk

AUTHORISED = {"Authorization": f"Bearer {TOKEN}"}


async def test_anybody_may_ask_for_health(desk: Desk) -> None:
    told = (await desk.http.get("/health")).json()
    assert told == {
        "status": "ok",
        "timestamp": desk.clock.now().isoformat(),
        "results_dir": str(desk.house.delivery.results.folder),
    }


@pytest.mark.parametrize("path", ["/pending", "/latest"])
async def test_results_are_for_holders_of_a_token(desk: Desk, path: str) -> None:
    for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": f"Basic {TOKEN}"}):
        assert (await desk.http.get(path, headers=headers)).status_code == 401
    assert (await desk.http.get(f"{path}?token={TOKEN}")).status_code == 401


async def test_pending_and_latest_follow_a_task(any_desk: Desk) -> None:
    assert (await any_desk.http.get("/pending", headers=AUTHORISED)).json() == {"tasks": []}
    assert (await any_desk.http.get("/latest", headers=AUTHORISED)).status_code == 404
    task_id, key = await any_desk.create()
    (pending,) = (await any_desk.http.get("/pending", headers=AUTHORISED)).json()["tasks"]
    created = any_desk.clock.now().isoformat()
    assert pending == {"task_id": task_id, "task_name": "x", "status": "running", "created_at": created}
    assert (await any_desk.post(task_id, key)).status_code == 202
    assert (await any_desk.http.get("/pending", headers=AUTHORISED)).json() == {"tasks": []}
    latest = (await any_desk.http.get("/latest", headers=AUTHORISED)).json()
    assert (latest["task_id"], latest["status"], latest["output"]) == (task_id, "done", "寫好了")
    assert latest["tokens"] == {"prompt": 5, "completion": 7, "total": 12}


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "TRACE", "PATCH"])
async def test_a_callback_is_a_post(desk: Desk, method: str) -> None:
    task_id, _ = await desk.create()
    assert (await desk.http.request(method, f"/kimi/webhook/{task_id}")).status_code == 405


@pytest.mark.parametrize(
    "task_id",
    [
        "",
        "x",
        "latest",
        "../../etc/passwd",
        "..%2f..%2fetc%2fpasswd",
        "kimi-1-" + "0" * 31,
        "kimi-1-" + "0" * 33,
        "kimi-１-" + "0" * 32,
        "kimi-1-" + "A" * 32,
        "kimi-1-" + "0" * 32 + "/",
        "kimi-1-" + "0" * 32 + "%0a",
    ],
)
async def test_what_cannot_be_a_task_is_not_here(desk: Desk, task_id: str) -> None:
    request = f"POST /kimi/webhook/{task_id} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{{}}".encode()
    assert (await desk.raw(request)).startswith(b"HTTP/1.1 4")
    assert b" 404 " in (await desk.raw(request)).split(b"\r\n")[0] or "１" in task_id


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-type": "text/plain"}, 415),
        ({"content-type": ""}, 415),
        ({"content-length": "99999999999"}, 413),
        ({"content-length": "8388609"}, 413),
    ],
)
async def test_kind_and_length_are_judged_before_anything_is_read(
    desk: Desk, headers: dict[str, str], status: int
) -> None:
    task_id, key = await desk.create()
    _, good = desk.signed(key, COMPLETION)
    lines = "".join(f"{name}: {value}\r\n" for name, value in (good | headers).items())
    request = f"POST /kimi/webhook/{task_id} HTTP/1.1\r\nHost: x\r\n{lines}\r\n".encode()
    assert (await desk.raw(request)).startswith(f"HTTP/1.1 {status} ".encode())


async def test_a_body_that_is_longer_than_it_says_is_cut_off(tmp_path: Path) -> None:
    async with open_desk(tmp_path, {"webhook_port": 0, "webhook_body_bytes": 2048}) as desk:
        task_id, key = await desk.create()
        text, headers = desk.signed(key, COMPLETION)

        async def pieces() -> object:
            for _ in range(100):
                yield b" " * 1024
            yield text.encode()

        response = await desk.http.post(f"/kimi/webhook/{task_id}", content=pieces(), headers=headers)  # type: ignore[arg-type]
        assert response.status_code == 413


async def test_a_body_that_does_not_come_is_not_waited_for(desk: Desk) -> None:
    task_id, key = await desk.create()
    _, headers = desk.signed(key, COMPLETION)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    url = desk.http.base_url
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(f"POST /kimi/webhook/{task_id} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n{lines}\r\n{{".encode())
    while not desk.clock.sleepers:
        await asyncio.sleep(0)
    await desk.clock.advance(11)
    assert (await reader.readline()).startswith(b"HTTP/1.1 408")
    writer.close()


async def test_one_address_may_ask_so_often_and_mistakes_in_the_path_cost_nothing(tmp_path: Path) -> None:
    async with open_desk(tmp_path, {"webhook_port": 0, "webhook_rate_per_second": 1}) as desk:
        task_id, key = await desk.create()
        for _ in range(20):
            assert (await desk.http.get(f"/kimi/webhook/{task_id}")).status_code == 405
            assert (await desk.http.post("/kimi/webhook/x")).status_code == 404
        statuses = [(await desk.http.post(f"/kimi/webhook/{task_id}", json={})).status_code for _ in range(4)]
        assert statuses == [401, 401, 429, 429]
        await desk.clock.advance(1)
        assert (await desk.post(task_id, key)).status_code == 202


async def test_a_port_that_is_taken_is_told_and_stops_only_who_asked_for_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=r"dispatch\.webhook_port"):
            async with open_desk(tmp_path, {"webhook_port": port}):
                pass
    with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", 9001)):
        async with open_desk(tmp_path, {}) as desk:
            assert not str(desk.http.base_url)


async def test_there_may_be_no_listener(tmp_path: Path) -> None:
    async with open_desk(tmp_path, {"webhook_port": None}) as desk:
        assert isinstance(desk.http, httpx.AsyncClient)
        assert not str(desk.http.base_url)
