"""The simulated REST API beyond what a library shows: limits, deadlines of interactions, faults, control, memory."""

import asyncio
import json
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from channels.clock import ManualClock
from channels.simulator.discord.seed import CHANNEL, GUILD, PEOPLE
from channels.simulator.discord.state import BOT_ID, KEPT_MESSAGES
from channels.simulator.server import Simulator, run_simulator
from channels.testing import eventually
from tests.patience import PATIENCE_SECONDS

ASK = [{"name": "ask", "description": "Ask", "options": [{"type": 3, "name": "text", "description": "What"}]}]
MESSAGES = f"/channels/{CHANNEL}/messages"


def client(simulator: Simulator, token: str | None = None) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bot {token or simulator.discord_token}"}
    return httpx.AsyncClient(base_url=simulator.discord_api_base, headers=headers, timeout=PATIENCE_SECONDS)


@pytest.fixture
async def http(simulator: Simulator) -> AsyncIterator[httpx.AsyncClient]:
    async with client(simulator) as http:
        yield http


async def offer(http: httpx.AsyncClient) -> None:
    assert (await http.put(f"/applications/{BOT_ID}/commands", json=ASK)).status_code == 200


async def give(simulator: Simulator, http: httpx.AsyncClient) -> tuple[str, str]:
    """Let a person give the command: where to answer it first, and where later."""
    await offer(http)
    interaction_id = simulator.discord.command(CHANNEL, PEOPLE[0], "ask", {"text": "x"})
    token = simulator.discord.state.interactions[interaction_id].token
    return f"/interactions/{interaction_id}/{token}/callback", f"/webhooks/{BOT_ID}/{token}"


async def test_sixth_message_within_five_seconds_has_to_wait(
    simulator: Simulator, http: httpx.AsyncClient, clock: ManualClock
) -> None:
    simulator.discord.limits_on = True
    answers = [await http.post(MESSAGES, json={"content": str(number)}) for number in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["4", "3", "2", "1", "0", "0"]
    assert answers[4].headers["X-RateLimit-Reset-After"] == "5.000"
    refused = answers[5]
    assert refused.json() == {"message": "You are being rate limited.", "retry_after": 5.0, "global": False}
    assert (refused.headers["Retry-After"], refused.headers["X-RateLimit-Scope"]) == ("5", "user")
    assert (await http.post(f"/channels/{CHANNEL}/typing")).status_code == 204
    await clock.advance(5)
    assert (await http.post(MESSAGES, json={"content": "again"})).status_code == 200


async def test_fifty_calls_a_second_are_the_limit_of_the_whole_bot(
    simulator: Simulator, http: httpx.AsyncClient
) -> None:
    simulator.discord.limits_on = True
    paths = ["/users/@me", "/applications/@me", "/gateway/bot", f"/channels/{CHANNEL}", f"/guilds/{GUILD}"]
    statuses = [(await http.get(path)).status_code for path in paths for _ in range(10)]
    last = await http.get(f"/guilds/{GUILD}/channels")
    assert statuses == [200] * 50
    assert (last.status_code, last.json()["global"], last.headers["X-RateLimit-Global"]) == (429, True, "true")


async def test_limits_are_not_told_while_they_are_off(http: httpx.AsyncClient) -> None:
    answer = await http.post(MESSAGES, json={"content": "x"})
    assert not any(name.startswith("x-ratelimit") for name in answer.headers)


async def test_ten_thousand_invalid_requests_lead_to_a_ban(simulator: Simulator, clock: ManualClock) -> None:
    async with client(simulator, "wrong") as stranger:
        assert (await stranger.get("/users/@me")).json() == {"message": "401: Unauthorized", "code": 0}
    assert simulator.discord.rest.buckets.invalid == 1
    for _ in range(9_999):
        simulator.discord.rest.buckets.count_invalid(403)
    async with client(simulator) as http:
        banned = await http.get("/users/@me")
        assert (banned.status_code, "via" in banned.headers) == (429, False)
        await clock.advance(601)
        assert (await http.get("/users/@me")).status_code == 200


async def test_first_response_after_three_seconds_comes_too_late(
    simulator: Simulator, http: httpx.AsyncClient, clock: ManualClock
) -> None:
    callback, _ = await give(simulator, http)
    await clock.advance(3.5)
    answer = await http.post(callback, json={"type": 5})
    assert (answer.status_code, answer.json()["code"]) == (404, 10062)


async def test_first_response_that_a_slow_network_delays_comes_too_late(
    simulator: Simulator, http: httpx.AsyncClient, clock: ManualClock
) -> None:
    callback, _ = await give(simulator, http)
    simulator.discord.faults.switch_on("delay", "interactionCallback", seconds=4)
    answering = asyncio.create_task(http.post(callback, json={"type": 5}))
    await eventually(lambda: clock.sleepers > 0)
    await clock.advance(4)
    assert (await answering).json()["code"] == 10062


async def test_attachment_is_given_to_whoever_knows_its_signature(
    simulator: Simulator, http: httpx.AsyncClient
) -> None:
    await simulator.discord.say_with_file(CHANNEL, PEOPLE[0], "see", "名 a?.txt", b"content")
    (message,) = (await http.get(MESSAGES)).json()
    url = message["attachments"][0]["url"]
    assert (await http.get(url)).content == b"content"
    assert (await http.get(url.replace("hm=", "hm=0"))).status_code == 404
    assert (await http.get(url.partition("?")[0])).status_code == 404


async def test_token_is_good_for_fifteen_minutes(
    simulator: Simulator, http: httpx.AsyncClient, clock: ManualClock
) -> None:
    callback, hook = await give(simulator, http)
    early = await http.patch(f"{hook}/messages/@original", json={"content": "too early"})
    assert (early.status_code, early.json()["code"]) == (404, 10015)
    assert (await http.post(callback, json={"type": 5})).status_code == 204
    again = await http.post(callback, json={"type": 5})
    assert (again.status_code, again.json()["code"]) == (400, 40060)
    await clock.advance(14 * 60)
    assert (await http.patch(f"{hook}/messages/@original", json={"content": "in time"})).status_code == 200
    await clock.advance(2 * 60)
    late = await http.patch(f"{hook}/messages/@original", json={"content": "too late"})
    assert (late.status_code, late.json()["code"]) == (401, 50027)
    assert [each["content"] for each in simulator.discord.sent(CHANNEL)] == ["in time"]


@pytest.mark.parametrize("response", [{"type": 8}, {"type": 7}, {"type": 99}, {}])
async def test_response_that_does_not_fit_is_refused(
    simulator: Simulator, http: httpx.AsyncClient, response: dict[str, Any]
) -> None:
    callback, _ = await give(simulator, http)
    assert (await http.post(callback, json=response)).status_code == 400
    assert simulator.discord.sent() == []


async def test_private_answer_is_in_no_history(simulator: Simulator, http: httpx.AsyncClient) -> None:
    callback, hook = await give(simulator, http)
    await http.post(callback, json={"type": 5, "data": {"flags": 64}})
    first = (await http.post(hook, json={"content": "psst"})).json()
    assert first["flags"] == 64
    assert (await http.get(MESSAGES)).json() == []
    assert (await http.get(f"{MESSAGES}/{first['id']}")).status_code == 404
    assert simulator.discord.sent(private=False) == []


@pytest.mark.parametrize(
    "command",
    [
        {"name": "Ask", "description": "x"},
        {"name": "ask", "description": ""},
        {"name": "ask", "description": "x" * 101},
        {"name": "ask", "description": "x", "description_localizations": {"zh-Hant": "x"}},
        {"name": "ask", "description": "x", "options": [{"type": 99, "name": "a", "description": "x"}]},
        "ask",
    ],
)
async def test_command_that_discord_would_refuse_is_refused(http: httpx.AsyncClient, command: Any) -> None:
    answer = await http.put(f"/applications/{BOT_ID}/commands", json=[command])
    assert (answer.status_code, answer.json()["code"]) == (400, 50035)
    assert (await http.get(f"/applications/{BOT_ID}/commands")).json() == []


@pytest.mark.parametrize(
    "components",
    [
        [{"type": 2, "style": 1, "label": "x", "custom_id": "x"}],
        [{"type": 1, "components": []}],
        [{"type": 1, "components": [{"type": 2, "style": 1, "label": "x", "custom_id": "x" * 101}]}],
        [{"type": 1, "components": [{"type": 2, "style": 1, "label": "x" * 81, "custom_id": "x"}]}],
        [{"type": 1, "components": [{"type": 2, "style": 1, "label": "x", "custom_id": "x"}] * 2}],
        [{"type": 1, "components": [{"type": 2, "style": 5, "label": "x", "url": "javascript:x"}]}],
    ],
)
async def test_buttons_that_discord_would_refuse_are_refused(http: httpx.AsyncClient, components: Any) -> None:
    answer = await http.post(MESSAGES, json={"content": "x", "components": components})
    assert (answer.status_code, answer.json()["code"]) == (400, 50035)


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'{"content": 5}', b'{"content": "x", "allowed_mentions": {"parse": 5}}']
)
async def test_body_that_makes_no_sense_is_refused_in_json(http: httpx.AsyncClient, body: bytes) -> None:
    answer = await http.post(MESSAGES, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert isinstance(answer.json()["code"], int)


async def test_unknown_route_is_not_found_and_strangers_are_not_told(
    simulator: Simulator, http: httpx.AsyncClient
) -> None:
    assert (await http.get("/nowhere")).json() == {"message": "404: Not Found", "code": 0}
    async with client(simulator, "wrong") as stranger:
        assert (await stranger.get("/nowhere")).status_code == 401


@pytest.mark.parametrize(("kind", "recorded"), [("disconnect", 0), ("lose_answer", 1)])
async def test_connection_breaks_before_or_after_the_message_is_taken(
    simulator: Simulator, http: httpx.AsyncClient, kind: Any, recorded: int
) -> None:
    simulator.discord.faults.switch_on(kind, "createMessage", count=1)
    with pytest.raises(httpx.TransportError):
        await http.post(MESSAGES, json={"content": "x"})
    assert len(simulator.discord.sent()) == recorded


async def test_people_are_played_over_the_control_api(simulator: Simulator, http: httpx.AsyncClient) -> None:
    await offer(http)
    async with httpx.AsyncClient(base_url=f"{simulator.url}/simulator/discord/", timeout=PATIENCE_SECONDS) as page:
        who = {"channel_id": CHANNEL, "user_id": PEOPLE[0]}
        said = (await page.post("say", json=who | {"text": "hi"})).json()["message_id"]
        thread = (await page.post("thread", json=who | {"name": "T", "at": said})).json()["channel_id"]
        given = (await page.post("command", json=who | {"name": "ask"})).json()["interaction_id"]
        assert (await page.post("people", json={"user_id": PEOPLE[0], "name": "Me", "locale": "en-US"})).json() == {}
        state = (await page.get("state")).json()
        assert (await page.get("commands", params={"channel": CHANNEL})).json()["commands"][0]["name"] == "ask"
        assert (await page.get("sent", params={"channel": CHANNEL})).json() == {"sent": []}
    channels = {each["channel"]["id"]: each for each in state["channels"]}
    assert [each["content"] for each in channels[CHANNEL]["messages"]] == ["hi"]
    assert thread == said
    assert thread in channels
    assert [each["id"] for each in state["waiting"]] == [given]
    assert simulator.discord.state.users[PEOPLE[0]]["global_name"] == "Me"
    assert simulator.discord_token not in json.dumps(state)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("say", {"channel_id": "1", "user_id": PEOPLE[0], "text": "x"}),
        ("say", {"channel_id": CHANNEL, "user_id": "1", "text": "x"}),
        ("say", {"channel_id": CHANNEL, "user_id": PEOPLE[0], "text": "x", "reply_to": "5"}),
        ("say", {"channel_id": CHANNEL, "user_id": PEOPLE[0], "text": ""}),
        ("command", {"channel_id": CHANNEL, "user_id": PEOPLE[0], "name": "nothing"}),
        ("press", {"channel_id": CHANNEL, "message_id": "5", "custom_id": "x", "user_id": PEOPLE[0]}),
        ("gateway", {"do": "explode"}),
        ("people", {"user_id": "me", "name": "x"}),
    ],
)
async def test_what_people_cannot_do_is_told_in_one_line(simulator: Simulator, path: str, body: Any) -> None:
    async with httpx.AsyncClient(base_url=f"{simulator.url}/simulator/discord/", timeout=PATIENCE_SECONDS) as page:
        answer = await page.post(path, json=body)
    assert answer.status_code == 400
    assert "\n" not in answer.json()["error"]


async def test_everything_but_sessions_survives_a_restart(tmp_path: Path) -> None:
    clock = ManualClock()
    async with run_simulator(port=0, state_dir=tmp_path, clock=clock) as first, client(first) as http:
        callback, hook = await give(first, http)
        await http.post(callback, json={"type": 5})
        sent = (await http.post(MESSAGES, json={"content": "one", "nonce": "n", "enforce_nonce": True})).json()
        gone = (await http.post(MESSAGES, json={"content": "gone"})).json()
        await http.delete(f"{MESSAGES}/{gone['id']}")
        question = first.discord.say(CHANNEL, PEOPLE[0], "?")
        thread = first.discord.start_thread(CHANNEL, PEOPLE[0], "T", at=question, text="in it")
        await first.discord.say_with_file(CHANNEL, PEOPLE[0], "see", "a.txt", b"content")
        token = first.discord_token
    async with run_simulator(port=0, state_dir=tmp_path, clock=clock) as second, client(second) as http:
        assert second.discord_token == token
        assert (await http.patch(f"{hook}/messages/@original", json={"content": "late"})).status_code == 200
        again = (await http.post(MESSAGES, json={"content": "one", "nonce": "n", "enforce_nonce": True})).json()
        assert again["id"] == sent["id"]
        assert [each["content"] for each in second.discord.sent(CHANNEL)] == ["late", "one"]
        newest = (await http.get(MESSAGES, params={"limit": 1})).json()[0]
        assert (await http.get(newest["attachments"][0]["url"])).content == b"content"
        assert (await http.get(f"/channels/{thread}")).json()["parent_id"] == CHANNEL
        assert int(second.discord.say(CHANNEL, PEOPLE[0], "next")) > int(newest["id"])
    assert stat.S_IMODE((tmp_path / "discord_token").stat().st_mode) == 0o600


async def test_of_a_long_channel_the_end_is_kept(tmp_path: Path) -> None:
    clock = ManualClock()
    async with run_simulator(port=0, state_dir=tmp_path, clock=clock) as first:
        for number in range(KEPT_MESSAGES + 5):
            first.discord.say(CHANNEL, PEOPLE[0], str(number))
    async with run_simulator(port=0, state_dir=tmp_path, clock=clock):
        pass
    async with run_simulator(port=0, state_dir=tmp_path, clock=clock) as later:
        texts = [message["content"] for message in later.discord.state.places[CHANNEL].messages.values()]
        assert texts == [str(number) for number in range(5, KEPT_MESSAGES + 5)]
