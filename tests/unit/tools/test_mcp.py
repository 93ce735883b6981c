"""MCP servers: real ones, in processes of their own, over both transports."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
from pydantic import SecretStr
from typing_extensions import override

from bot.images import Image
from bot.tools.mcp_link import LIST_AGAIN_SECONDS, PAUSES_SECONDS, START_SECONDS, McpLink
from bot.tools.mcp_port import RemoteTool, RemoteTools, ServerEntry, ServerGone
from bot.tools.mcp_servers import McpServers, tool_name
from bot.tools.port import Tool, ToolFailed, ToolResult
from channels.clock import Clock, ManualClock
from tests.patience import PATIENCE_SECONDS
from tests.ports import free_port
from tests.unit.tools.setting import principal

SERVER = Path(__file__).with_name("mcp_server.py")


@dataclass(frozen=True)
class Entry:
    command: str | None = None
    args: list[str] = field(default_factory=list)
    env: Mapping[str, SecretStr] = field(default_factory=dict)
    cwd: str | None = None
    url: str | None = None
    headers: Mapping[str, SecretStr] = field(default_factory=dict)
    agents: list[str] | None = None
    confirm: Literal["auto", "always", "never"] = "auto"


OUR_SERVER = Entry(sys.executable, [str(SERVER)], {"SECRET_FOR_SERVER": SecretStr("given")})


@asynccontextmanager
async def servers(
    folder: Path, entries: Mapping[str, ServerEntry], clock: Clock | None = None
) -> AsyncIterator[McpServers]:
    found = McpServers(entries, folder / "mcp", clock or ManualClock())
    try:
        yield found
    finally:
        await found.close()


async def tools_of(source: McpServers, agent: str = "main") -> dict[str, Tool]:
    return {tool.spec.name: tool for tool in await source.tools(agent)}


async def use(tool: Tool, **arguments: Any) -> str:
    return (await tool.run(arguments, principal())).text


async def test_tools_of_a_command_are_offered_and_run(tmp_path: Path) -> None:
    async with servers(tmp_path, {"sums": OUR_SERVER}) as source:
        tools = await tools_of(source)
        assert tools["sums_add"].spec.description == "Add two numbers."
        assert set(tools["sums_add"].spec.parameters["properties"]) == {"a", "b"}
        assert await use(tools["sums_add"], a=2, b=40) == "42"
    assert (tmp_path / "mcp" / "sums.log").read_text().startswith("the server begins")
    assert (tmp_path / "mcp" / "sums.log").stat().st_mode & 0o077 == 0


async def test_command_gets_its_own_environment_and_no_secret_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIMI_API_KEY", "sk-ours")
    async with servers(tmp_path, {"sums": OUR_SERVER}) as source:
        _pid, *rest = (await use((await tools_of(source))["sums_who"])).split()
    assert rest == ["given"]


async def test_server_runs_once_for_many_turns_and_stops_with_the_bot(tmp_path: Path) -> None:
    async with servers(tmp_path, {"sums": OUR_SERVER}) as source:
        both = await asyncio.gather(tools_of(source), tools_of(source))
        pids = {(await use(tools["sums_who"])).split()[0] for tools in both}
        assert len(pids) == 1
    assert not Path(f"/proc/{pids.pop()}").exists()


async def test_server_that_nobody_needs_is_never_started(tmp_path: Path) -> None:
    async with servers(tmp_path, {"sums": Entry("/no/such/program", agents=["ops"])}) as source:
        assert await tools_of(source, "main") == {}
    assert not (tmp_path / "mcp").exists()


async def test_server_that_died_is_started_again(tmp_path: Path) -> None:
    clock = ManualClock()
    async with servers(tmp_path, {"sums": OUR_SERVER}, clock) as source:
        tools = await tools_of(source)
        pid = int((await use(tools["sums_who"])).split()[0])
        await kill(pid)
        await clock.advance(LIST_AGAIN_SECONDS)
        again = int((await use((await tools_of(source))["sums_who"])).split()[0])
        assert again != pid


async def test_call_that_changes_nothing_is_repeated_after_a_death(tmp_path: Path) -> None:
    async with servers(tmp_path, {"sums": OUR_SERVER}) as source:
        tools = await tools_of(source)
        assert await use(tools["sums_break_down_once"], path=str(tmp_path / "once")) == "back again"


async def test_call_that_may_have_done_something_is_never_repeated(tmp_path: Path) -> None:
    async with servers(tmp_path, {"sums": OUR_SERVER}) as source:
        tools = await tools_of(source)
        with pytest.raises(ToolFailed, match="nobody knows"):
            await use(tools["sums_break_down"])
        assert await use((await tools_of(source))["sums_add"], a=1, b=1) == "2"


async def test_images_come_beside_the_words(tmp_path: Path) -> None:
    async with servers(tmp_path, {"eyes": OUR_SERVER}) as source:
        result = await (await tools_of(source))["eyes_look"].run({}, principal())
    assert result.text.splitlines() == ["the sky", "[image image/png]", "[image image/png]", "[resource image/gif]"]
    assert result.images == [Image("image/gif", b"GIF89a")] * 2


async def test_failure_of_the_tool_is_told(tmp_path: Path) -> None:
    async with servers(tmp_path, {"sums": OUR_SERVER}) as source:
        tools = await tools_of(source)
        (refuse,) = [tool for name, tool in tools.items() if "refuse" in name]
        with pytest.raises(ToolFailed, match="not today"):
            await use(refuse)
        with pytest.raises(ToolFailed):
            await use(tools["sums_add"], a="no number", b=1)


@pytest.mark.parametrize(("confirm", "risky"), [("auto", {False, True}), ("always", {True}), ("never", {False})])
async def test_what_is_not_read_only_is_risky_unless_the_owner_says_so(
    tmp_path: Path, confirm: Literal["auto", "always", "never"], risky: set[bool]
) -> None:
    entry = Entry(sys.executable, [str(SERVER)], confirm=confirm)
    async with servers(tmp_path, {"sums": entry}) as source:
        tools = await tools_of(source)
        assert {tool.risky for tool in tools.values()} == risky
        assert tools["sums_add"].risky is (confirm == "always")


@pytest.mark.parametrize("program", ["/no/such/program", "/bin/false"])
async def test_server_that_does_not_start_has_no_tools_and_is_left_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, program: str
) -> None:
    clock = ManualClock()
    async with servers(tmp_path, {"sums": Entry(program)}, clock) as source:
        for pause, tries in ((0, 1), (0, 1), (PAUSES_SECONDS[0], 2), (PAUSES_SECONDS[0], 2), (PAUSES_SECONDS[1], 3)):
            await clock.advance(pause)
            assert await tools_of(source) == {}
            assert caplog.text.count("An MCP server does not start") == tries


class Mute(RemoteTools):
    """A server that starts, and then says nothing of its tools."""

    @override
    async def list(self) -> Sequence[RemoteTool]:
        raise ServerGone("no list")

    @override
    async def call(self, name: str, arguments: Mapping[str, Any]) -> ToolResult:
        raise ServerGone("no call")


async def test_server_that_starts_and_never_tells_its_tools_is_left_alone_for_longer_each_time() -> None:
    clock, starts = ManualClock(), list[float]()

    @asynccontextmanager
    async def connect() -> AsyncIterator[RemoteTools]:
        starts.append(clock.monotonic())
        yield Mute()

    link = McpLink("mute", connect, clock)
    while len(starts) < len(PAUSES_SECONDS):
        with pytest.raises(ServerGone):
            await link.tools()
        await clock.advance(1)
    await link.close()
    assert [later - earlier for earlier, later in pairwise(starts)] == list(PAUSES_SECONDS[:-1])


async def test_program_that_is_no_server_is_given_up_in_time(tmp_path: Path) -> None:
    clock = ManualClock()
    async with servers(tmp_path, {"sums": Entry("/bin/cat")}, clock) as source:
        asking = asyncio.create_task(tools_of(source))
        await until((tmp_path / "mcp" / "sums.log").exists)
        await clock.advance(START_SECONDS)
        assert await asking == {}


async def test_check_tells_which_servers_run(tmp_path: Path) -> None:
    async with servers(tmp_path, {"sums": OUR_SERVER, "none": Entry("/no/such/program")}) as source:
        assert await source.check() == {"sums": 6, "none": None}


async def test_doctor_names_the_server_that_does_not_start(tmp_path: Path) -> None:
    command = f"{{command: '{sys.executable}', args: ['{SERVER}']}}"
    broken = "{command: /no/such/program}"
    (tmp_path / "javis.yaml").write_text(f"tools: {{mcp: {{sums: {command}, broken: {broken}}}}}\n")
    (tmp_path / "bindings.yaml").write_text("agents: [{id: main, kind: echo}]\n")
    doctor = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("javis")),
        "doctor",
        cwd=tmp_path,
        env={**os.environ, "JAVIS_HOME": str(tmp_path / "data")},
        stdout=asyncio.subprocess.PIPE,
    )
    told, _ = await doctor.communicate()
    assert "✓ the MCP server sums has 6 tools" in told.decode()
    assert "✗ the MCP server broken does not start" in told.decode()
    assert doctor.returncode == 2


async def test_server_over_http_works_and_comes_back(tmp_path: Path) -> None:
    clock = ManualClock()
    port = free_port()
    entry = Entry(url=f"http://127.0.0.1:{port}/mcp", headers={"X-Key": SecretStr("k")})
    async with servers(tmp_path, {"far": entry}, clock) as source:
        async with http_server(port):
            tools = await tools_of(source)
            assert await use(tools["far_add"], a=1, b=2) == "3"
        with pytest.raises(ToolFailed):
            await use(tools["far_add"], a=1, b=2)
        await clock.advance(LIST_AGAIN_SECONDS)
        assert await tools_of(source) == {}
        await clock.advance(PAUSES_SECONDS[-1])
        async with http_server(port):
            assert await use((await tools_of(source))["far_add"], a=1, b=2) == "3"


async def test_published_server_works_too(tmp_path: Path) -> None:
    entry = Entry(sys.executable, ["-m", "mcp_server_time", "--local-timezone", "Asia/Taipei"])
    async with servers(tmp_path, {"time": entry}) as source:
        tools = await tools_of(source)
        assert "Asia/Taipei" in await use(tools["time_get_current_time"], timezone="Asia/Taipei")


@pytest.mark.parametrize("tool", ["plain", "with.dot", "x" * 100, "名前", "a b"])
def test_names_fit_every_provider_and_stay_apart(tool: str) -> None:
    name = tool_name("server", tool)
    assert len(name) <= 64
    assert name.replace("_", "").replace("-", "").isalnum()
    assert name.isascii()
    assert name != tool_name("server", tool + "!")


async def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    await until(lambda: not Path(f"/proc/{pid}").exists() or " Z " in Path(f"/proc/{pid}/stat").read_text())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def http_server(port: int) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(SERVER), "http", str(port), stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with httpx.AsyncClient(timeout=PATIENCE_SECONDS) as http, asyncio.timeout(PATIENCE_SECONDS):
            while True:
                try:
                    await http.get(f"http://127.0.0.1:{port}/mcp")
                    break
                except httpx.TransportError:
                    await asyncio.sleep(0.05)
        yield
    finally:
        process.kill()
        await process.wait()
