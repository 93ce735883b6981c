"""The terminal: lines in, answers out, and nothing that could steer it."""

import asyncio
import io
import json
import os
import sys
from collections.abc import Iterator
from typing import TextIO, cast

import pytest

from channels.cli.channel import CliChannel, open_cli
from channels.cli.config import CliConfig
from channels.cli.terminal import StreamLines
from channels.clock import ManualClock
from channels.errors import NotSent
from channels.message import Button, Delivery, Destination, InboundMessage, OutboundMessage
from channels.port import ChannelContext
from channels.testing import MemoryInbox
from tests.patience import PATIENCE_SECONDS

HERE = Destination("cli", "default", "1000")


def terminal(typed: str | TextIO = "", screen: io.StringIO | None = None) -> CliChannel:
    lines = StreamLines(io.StringIO(typed) if isinstance(typed, str) else typed)
    return CliChannel(
        lines, screen or io.StringIO(), account="default", user_id="1000", user_name="tester", clock=ManualClock()
    )


async def test_receiving_ends_with_the_input() -> None:
    channel, inbox = terminal("first\n\nlast without an end"), MemoryInbox()
    async with asyncio.timeout(PATIENCE_SECONDS):
        await channel.receive(inbox)
    said = [channel.parse(json.loads(update.raw)) for update in inbox.stored.values()]
    assert [each and each.text for each in said] == ["first", None, "last without an end"]
    async with asyncio.timeout(PATIENCE_SECONDS):
        await channel.receive(inbox)
    assert len(inbox.stored) == 3


async def test_ids_never_come_again_in_another_process() -> None:
    inbox = MemoryInbox()
    for _ in range(2):
        await terminal("same\n").receive(inbox)
    assert len(inbox.stored) == 2


async def test_bytes_that_are_no_text_are_replaced() -> None:
    inbox = MemoryInbox()
    await terminal("a\udcffb\n").receive(inbox)
    assert json.loads(next(iter(inbox.stored.values())).raw)["text"] == "a\ufffdb"


async def test_bytes_of_another_encoding_do_not_end_the_reading() -> None:
    typed, inbox = io.TextIOWrapper(io.BytesIO(b"caf\xe9\nlast\n"), encoding="utf-8"), MemoryInbox()
    async with asyncio.timeout(PATIENCE_SECONDS):
        await terminal(typed).receive(inbox)
    assert [json.loads(update.raw)["text"] for update in inbox.stored.values()] == ["caf\ufffd", "last"]


async def test_input_that_was_read_from_before_is_read_on() -> None:
    typed, inbox = io.TextIOWrapper(io.BytesIO(b"first\nlast\n"), encoding="utf-8"), MemoryInbox()
    assert typed.readline() == "first\n"
    async with asyncio.timeout(PATIENCE_SECONDS):
        await terminal(typed).receive(inbox)
    assert [json.loads(update.raw)["text"] for update in inbox.stored.values()] == ["last"]


def unplugged() -> Iterator[str]:
    """A terminal that goes away after its first line."""
    yield "first\n"
    raise OSError(5, "Input/output error")


async def test_a_terminal_that_goes_away_ends_the_input() -> None:
    inbox = MemoryInbox()
    async with asyncio.timeout(PATIENCE_SECONDS):
        await terminal(cast("TextIO", unplugged())).receive(inbox)
    assert len(inbox.stored) == 1


async def test_an_answer_cannot_steer_the_terminal() -> None:
    screen = io.StringIO()
    channel = terminal(screen=screen)
    (part,) = channel.render(OutboundMessage(HERE, "red \x1b[31m\x07 text\r\nnext\tline \x9b2J"))
    await channel.send(Delivery("0" * 24, HERE, part, label="\x1b]0;title\x07"))
    assert screen.getvalue() == "\ufffd]0;title\ufffd\nred \ufffd[31m\ufffd text\nnext\tline \ufffd2J\n"


async def test_buttons_are_shown_with_what_to_type() -> None:
    (part,) = terminal().render(OutboundMessage(HERE, "Done?", buttons=(Button("Yes", "/yes"),)))
    assert part["text"] == "Done?\n[Yes] /yes"


async def test_a_terminal_that_is_gone_took_nothing() -> None:
    screen = io.StringIO()
    screen.close()
    with pytest.raises(NotSent):
        await terminal(screen=screen).send(Delivery("0" * 24, HERE, {"text": "x"}))


async def test_the_processs_own_streams_are_used(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("hello\n"))
    inbox = MemoryInbox()
    async with open_cli(ChannelContext("default", CliConfig(), ManualClock())) as channel:
        await channel.receive(inbox)
        said = channel.parse(json.loads(next(iter(inbox.stored.values())).raw))
        assert isinstance(said, InboundMessage)
        assert said.address.sender == str(os.getuid())
        await channel.send(Delivery("0" * 24, said.origin, {"text": "hi"}))
    assert capsys.readouterr().out == "hi\n"
