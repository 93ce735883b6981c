"""A runner's callback: what is true has one effect, and what is not has none and leaves no trace."""

import asyncio
import base64
import hmac
import json
from datetime import timedelta
from pathlib import Path

import pytest

from bot.storage.errors import DatabaseBusy
from bot.tasks.keys import REMEMBER_NONCES
from bot.tasks.task import TaskState
from channels.signature import new_key
from tests.unit.webhooks.setting import COMPLETION, Desk, open_desk


async def test_a_completion_ends_its_task(any_desk: Desk) -> None:
    task_id, key = await any_desk.create()
    response = await any_desk.post(task_id, key)
    assert (response.status_code, response.json()) == (202, {"status": "accepted", "state": "succeeded"})
    task = await any_desk.task(task_id)
    assert (task.state, task.output, task.answered_by) == ("succeeded", "寫好了", "kimi-k3")
    assert (task.prompt_tokens, task.completion_tokens, task.total_tokens) == (5, 7, 12)


async def test_the_same_message_again_is_a_duplicate_without_effect(any_desk: Desk) -> None:
    task_id, key = await any_desk.create()
    text, headers = any_desk.signed(key, COMPLETION)
    answers = [await any_desk.http.post(f"/kimi/webhook/{task_id}", content=text, headers=headers) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [202, 200, 200]
    assert answers[1].json() == {"status": "duplicate"}
    task = await any_desk.task(task_id)
    assert task.total_tokens == 12


async def test_many_at_once_have_one_effect(any_desk: Desk) -> None:
    task_id, key = await any_desk.create()
    answers = await asyncio.gather(*(any_desk.post(task_id, key, nonce=f"msg_{number % 5}") for number in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [202]
    assert (await any_desk.task(task_id)).total_tokens == 12


async def test_another_body_under_a_nonce_that_was_taken_is_a_conflict(any_desk: Desk) -> None:
    task_id, key = await any_desk.create()
    assert (await any_desk.post(task_id, key)).status_code == 202
    assert (await any_desk.post(task_id, key, {**COMPLETION, "model": "other"})).status_code == 409
    assert (await any_desk.task(task_id)).answered_by == "kimi-k3"


async def test_a_task_that_has_ended_takes_no_second_end(any_desk: Desk) -> None:
    task_id, key = await any_desk.create()
    await any_desk.post(task_id, key)
    for number, body in enumerate(({**COMPLETION, "model": "late"}, {"status": "running"}, {"error": "late"})):
        response = await any_desk.post(task_id, key, body, nonce=f"late_{number}")
        assert (response.status_code, response.json()) == (200, {"status": "ended", "state": "succeeded"})
    task = await any_desk.task(task_id)
    assert (task.state, task.answered_by, task.total_tokens) == ("succeeded", "kimi-k3", 12)


async def test_a_runner_may_say_that_it_works_and_that_it_failed(desk: Desk) -> None:
    task_id, key = await desk.create()
    assert (await desk.post(task_id, key, {"status": "running"})).json() == {"status": "running"}
    assert (await desk.task(task_id)).state == "running"
    assert (await desk.post(task_id, key, {"error": {"message": "boom"}}, nonce="msg_2")).status_code == 202
    task = await desk.task(task_id)
    assert (task.state, task.error) == ("failed", "runner_failed")


@pytest.mark.parametrize(
    "body",
    [
        "",
        "no json",
        "[]",
        "{}",
        '{"choices": []}',
        '{"choices": [{"message": {"content": ""}}]}',
        '{"choices": [{"message": {"content": 1}}]}',
        '{"choices": [{"message": {"content": "\\ud800"}}]}',
        "[" * 100_000,
        '{"choices": ' + "9" * 5000 + "}",
    ],
    ids=lambda body: body[:30],
)
async def test_a_signed_body_that_is_no_completion_ends_nothing_and_may_come_again(desk: Desk, body: str) -> None:
    task_id, key = await desk.create()
    assert (await desk.post(task_id, key, body)).status_code == 400
    assert (await desk.task(task_id)).state == "running"
    assert (await desk.post(task_id, key)).status_code == 202


@pytest.mark.parametrize(
    "changed",
    [
        {"webhook-id": ""},
        {"webhook-id": "another"},
        {"webhook-timestamp": "１７６７２６８８００"},
        {"webhook-timestamp": "1767268801"},
        {"webhook-signature": ""},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "v1,簽名"},
        {"webhook-signature": "v1,AAAA"},
    ],
    ids=str,
)
async def test_a_message_with_a_changed_header_is_refused_and_leaves_no_trace(
    desk: Desk, changed: dict[str, str]
) -> None:
    task_id, key = await desk.create()
    before = await desk.traces()
    text, headers = desk.signed(key, COMPLETION)
    encoded = {name.encode(): value.encode() for name, value in (headers | changed).items()}
    response = await desk.http.post(f"/kimi/webhook/{task_id}", content=text, headers=encoded)
    assert response.status_code == 401
    assert await desk.traces() == before
    assert (await desk.post(task_id, key)).status_code == 202, "a forged message has used up a nonce"


async def test_what_an_empty_key_makes_is_no_signature(desk: Desk) -> None:
    task_id, key = await desk.create()
    text, headers = desk.signed(key, COMPLETION)
    signed = f"msg_1.{headers['webhook-timestamp']}.{text}".encode()
    made = base64.b64encode(hmac.digest(b"", signed, "sha256")).decode()
    headers["webhook-signature"] = f"v1,{made}"
    assert (await desk.http.post(f"/kimi/webhook/{task_id}", content=text, headers=headers)).status_code == 401


async def test_no_headers_another_body_another_task_and_an_unknown_task_look_the_same(desk: Desk) -> None:
    task_id, key = await desk.create()
    other_id, other_key = await desk.create()
    own_id, own_key = await desk.create(runner="house")
    before = await desk.traces()
    text, headers = desk.signed(key, COMPLETION)
    unknown = "kimi-1767268800-" + "0" * 32
    answers = [
        await desk.http.post(f"/kimi/webhook/{task_id}", json=COMPLETION),
        await desk.http.post(f"/kimi/webhook/{task_id}", content=text + " ", headers=headers),
        await desk.http.post(f"/kimi/webhook/{other_id}", content=text, headers=headers),
        await desk.http.post(f"/kimi/webhook/{unknown}", content=text, headers=headers),
        await desk.post(task_id, other_key),
        await desk.post(task_id, new_key()),
        await desk.post(own_id, own_key),
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 1
    assert await desk.traces() == before
    assert {await desk.keys.digest_of(each, "msg_1") for each in (task_id, other_id, own_id, unknown)} == {None}


@pytest.mark.parametrize("seconds", [-301, 301])
async def test_a_message_of_another_time_is_refused(desk: Desk, seconds: int) -> None:
    task_id, key = await desk.create()
    before = await desk.traces()
    text, headers = desk.signed(key, COMPLETION, late=seconds)
    response = await desk.http.post(f"/kimi/webhook/{task_id}", content=text, headers=headers)
    assert response.status_code == 401
    assert "clock" in response.json()["error"]
    assert await desk.traces() == before
    assert await desk.keys.digest_of(task_id, "msg_1") is None


async def test_a_nonce_is_remembered_for_as_long_as_its_message_can_be_believed(any_desk: Desk) -> None:
    task_id, key = await any_desk.create()
    assert timedelta(seconds=900) == REMEMBER_NONCES
    await any_desk.post(task_id, key)
    await any_desk.clock.advance(600)
    await any_desk.house.stores.storage.commit([any_desk.keys.prune()])
    assert await any_desk.keys.digest_of(task_id, "msg_1") is not None
    await any_desk.clock.advance(301)
    await any_desk.house.stores.storage.commit([any_desk.keys.prune()])
    assert await any_desk.keys.digest_of(task_id, "msg_1") is None


async def test_two_keys_live_and_the_one_before_them_does_not(any_desk: Desk) -> None:
    task_id, first = await any_desk.create()
    second, statements = any_desk.keys.next(task_id)
    await any_desk.house.stores.storage.commit(statements)
    for number, key in enumerate((first, second)):
        assert (await any_desk.post(task_id, key, {"status": "running"}, nonce=f"n{number}")).status_code == 202
    third, statements = any_desk.keys.next(task_id)
    await any_desk.house.stores.storage.commit(statements)
    assert (await any_desk.post(task_id, first, nonce="n3")).status_code == 401
    assert (await any_desk.post(task_id, second, {"status": "running"}, nonce="n4")).status_code == 202
    assert (await any_desk.post(task_id, third, nonce="n5")).status_code == 202


async def test_while_the_database_is_locked_nothing_is_taken(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    task_id, key = await desk.create()

    async def locked(_statements: object) -> None:
        raise DatabaseBusy("locked")

    with monkeypatch.context() as patch:
        patch.setattr(desk.house.stores.storage, "commit", locked)
        assert (await desk.post(task_id, key)).status_code == 503
    assert (await desk.task(task_id)).state == "running"
    assert (await desk.post(task_id, key)).status_code == 202


@pytest.mark.parametrize(
    ("act", "state"), [("cancel", "cancelled"), ("overdue", "timed_out")], ids=["cancelled", "overdue"]
)
async def test_a_result_that_comes_too_late_changes_nothing(desk: Desk, act: str, state: TaskState) -> None:
    task_id, key = await desk.create()
    if act == "cancel":
        await desk.house.stores.storage.commit([desk.house.stores.tasks.cancel(task_id)])
    else:
        await desk.clock.advance(86_401)
    await desk.house.dispatcher.look_after()
    assert (await desk.post(task_id, key)).json() == {"status": "ended", "state": state}
    task = await desk.task(task_id)
    assert (task.state, task.output) == (state, None)


async def test_retry_waits_for_the_runner_again(any_desk: Desk) -> None:
    task_id, key = await any_desk.create()
    await any_desk.post(task_id, key, {"error": "boom"})
    await any_desk.house.stores.storage.commit([any_desk.house.stores.tasks.retry(await any_desk.task(task_id))])
    task = await any_desk.task(task_id)
    assert (task.state, task.attempt) == ("running", 2)
    assert (await any_desk.post(task_id, key, nonce="msg_2")).status_code == 202
    assert (await any_desk.task(task_id)).state == "succeeded"


async def test_a_restart_leaves_the_task_with_its_runner(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as before:
        task_id, key = await before.create()
    async with open_desk(tmp_path) as after:
        async with after.house.dispatcher.open():
            task = await after.task(task_id)
            assert (task.state, task.attempt) == ("running", 1)
        text, headers = after.signed(key, json.dumps(COMPLETION))
        response = await after.http.post(f"/kimi/webhook/{task_id}", content=text, headers=headers)
        assert response.status_code == 202
    async with open_desk(tmp_path) as again:
        response = await again.http.post(f"/kimi/webhook/{task_id}", content=text, headers=headers)
        assert response.json() == {"status": "duplicate"}
