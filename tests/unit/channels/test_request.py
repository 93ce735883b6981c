"""The way to the Bot API: what each failure becomes, and that no failure shows the token."""

import asyncio
import socket
import traceback
from collections.abc import Iterator

import pytest
import telegram
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    TelegramError,
    TimedOut,
)

from channels.telegram.api import BotApi
from channels.telegram.failures import channel_error
from channels.telegram.request import AiohttpRequest, NotSentError, SlowDownError, Timeouts
from tests.ports import free_port
from tests.unit.channels.setting import TOKEN, Answer, body, hang_up, never, refusal, result, scripted_api


async def fail(answer: Answer, timeouts: Timeouts | None = None) -> TelegramError:
    """The error of a call that is answered so."""
    async with scripted_api() as api, AiohttpRequest(timeouts or Timeouts()) as request:
        api.script["sendMessage"].append(answer)
        with pytest.raises(TelegramError) as caught:
            await BotApi(request, f"{api.base}/bot{TOKEN}").call("sendMessage", {"chat_id": 1, "text": "x"})
        return caught.value


def family(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refusal(400, "Bad Request: chat not found"), BadRequest),
        (refusal(401, "Unauthorized"), InvalidToken),
        (refusal(403, "Forbidden: bot was blocked by the user"), Forbidden),
        (refusal(404, "Not Found"), InvalidToken),
        (refusal(409, "Conflict: terminated by other getUpdates request"), Conflict),
        (refusal(400, "Bad Request: group chat was upgraded", migrate_to_chat_id=-1009), ChatMigrated),
        (body(b"<html>too large</html>", 413), BadRequest),
        (body(b"", 301, {"Location": "https://example.org/"}), BadRequest),
        (refusal(500, "Internal Server Error"), NetworkError),
        (body(b"<html>bad gateway</html>", 502), NetworkError),
        (body(b"not json"), NetworkError),
        (body(b"[]"), NetworkError),
        (body(b"[" * 100_000), NetworkError),
        (hang_up, NetworkError),
    ],
)
async def test_a_failed_call_becomes_the_librarys_error(answer: Answer, kind: type[TelegramError]) -> None:
    assert type(await fail(answer)) is kind


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (refusal(429, "Too Many Requests: retry after 17", retry_after=17), 17),
        (body(b"slow down", 429, {"Retry-After": "9"}), 9),
        (body(b"slow down", 429, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}), 5),
        (body({"parameters": {"retry_after": -1}}, 429), 5),
        (body({"parameters": {"retry_after": 10**400}}, 429), 86_400),
        (body({"parameters": None}, 429), 5),
    ],
)
async def test_a_429_tells_how_long_to_wait(answer: Answer, seconds: int) -> None:
    error = await fail(answer)
    assert isinstance(error, SlowDownError)
    assert error.retry_after_seconds == seconds


async def test_no_answer_in_time_leaves_the_outcome_open() -> None:
    assert type(await fail(never, Timeouts(read=0.05))) is TimedOut


async def test_a_server_that_is_not_there_took_nothing() -> None:
    async with AiohttpRequest() as request:
        with pytest.raises(NotSentError):
            await BotApi(request, f"http://127.0.0.1:{free_port()}/bot{TOKEN}").call("sendMessage", {})


async def test_a_server_that_accepts_no_connection_took_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf:
        port = deaf.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:  # fill the queue of connections that nobody accepts
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        async with AiohttpRequest(Timeouts(connect=0.2, pool=0.2)) as request:
            with pytest.raises(NotSentError):
                await BotApi(request, f"http://127.0.0.1:{port}/bot{TOKEN}").call("sendMessage", {})
        for each in waiting:
            each.close()


async def test_after_the_end_nothing_is_sent() -> None:
    async with AiohttpRequest() as request:
        pass
    with pytest.raises(NotSentError):
        await BotApi(request, f"http://127.0.0.1:1/bot{TOKEN}").call("sendMessage", {})


@pytest.mark.parametrize("base", ["http://127.0.0.1:{closed}", "http://[::1", "ftp://127.0.0.1", "http://name.invalid"])
async def test_an_address_that_leads_nowhere_shows_no_token(base: str) -> None:
    async with AiohttpRequest(Timeouts(connect=2)) as request:
        api = BotApi(request, f"{base.format(closed=free_port())}/bot{TOKEN}")
        with pytest.raises(NotSentError) as caught:
            await api.call("sendMessage", {})
    assert not any(TOKEN in f"{each} {each!r}" for each in family(caught.value))


@pytest.mark.parametrize("answer", [hang_up, never, body(b"", 502), refusal(401, "Unauthorized"), body(b"{")])
async def test_no_failure_shows_the_token(answer: Answer) -> None:
    error = await fail(answer, Timeouts(read=0.05))
    shown = "".join(traceback.format_exception(error)) + "".join(f"{each} {each!r}" for each in family(error))
    assert TOKEN not in shown
    assert TOKEN not in str(channel_error(error))


async def test_the_librarys_own_calls_work_over_it() -> None:
    async with scripted_api() as api, AiohttpRequest() as request:
        bot = telegram.Bot(TOKEN, base_url=f"{api.base}/bot", request=request, get_updates_request=request)
        assert (await bot.get_me()).username == "javis_bot"
        await bot.set_my_commands([("new", "開新對話")], language_code="zh")
    assert api.calls_of("setMyCommands") == [
        {"commands": [{"command": "new", "description": "開新對話"}], "language_code": "zh"}
    ]


async def test_files_go_out_as_multipart() -> None:
    sent = {"message_id": 1, "date": 1, "chat": {"id": 7, "type": "private"}}
    async with scripted_api() as api, AiohttpRequest() as request:
        api.script["sendDocument"].append(result(sent))
        bot = telegram.Bot(TOKEN, base_url=f"{api.base}/bot", request=request, get_updates_request=request)
        await bot.send_document(7, b"line\n" * 1000, filename="答案.md", caption="字")
    (form,) = api.calls_of("sendDocument")
    assert (form["chat_id"], form["caption"]) == ("7", "字")
    assert ("答案.md", b"line\n" * 1000) in form.values()


async def test_one_connection_serves_call_after_call() -> None:
    async with scripted_api() as api, AiohttpRequest() as request:
        for _ in range(5):
            await BotApi(request, f"{api.base}/bot{TOKEN}").call("sendMessage", {})
    assert len(api.peers) == 1


async def test_many_calls_at_once_all_return() -> None:
    async with scripted_api() as api, AiohttpRequest() as request:
        bot = BotApi(request, f"{api.base}/bot{TOKEN}")
        answers = await asyncio.gather(*(bot.call("sendMessage", {"text": str(n)}) for n in range(300)))
    assert len(answers) == len(api.calls) == 300
