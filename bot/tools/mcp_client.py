"""Speaks with one MCP server through the official SDK. Imported when the first server is started: it takes a second.

https://modelcontextprotocol.io
"""

import base64
import json
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import anyio
import httpx2
from mcp import Client, MCPError, StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CONNECTION_CLOSED, CallToolResult, ImageContent, Implementation, TextContent
from pydantic import ValidationError
from typing_extensions import override

from bot.images import MOST_BYTES, Image, read_image
from bot.tools.mcp_port import RemoteTool, RemoteTools, ServerEntry, ServerGone
from bot.tools.port import ToolFailed, ToolResult

MOST_PAGES: Final = 20
MOST_BLOCKS: Final = 100  # of a result, that are looked at for images
READ_SECONDS: Final = 600.0
_BROKEN: Final = (anyio.ClosedResourceError, anyio.BrokenResourceError, anyio.EndOfStream, httpx2.HTTPError, OSError)


class _Connection(RemoteTools):
    def __init__(self, client: Client) -> None:
        self._client = client

    @override
    async def list(self) -> Sequence[RemoteTool]:
        tools: list[RemoteTool] = []
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            try:
                page = await self._client.list_tools(cursor=cursor, cache_mode="refresh")
            except (MCPError, ValidationError, *_BROKEN) as error:
                raise ServerGone(f"{type(error).__name__}: its tools cannot be listed") from error
            for tool in page.tools:
                read_only = tool.annotations is not None and tool.annotations.read_only_hint is True
                tools.append(RemoteTool(tool.name, tool.description or "", tool.input_schema, read_only))
            cursor = page.next_cursor
            if cursor is None:
                break
        return tools

    @override
    async def call(self, name: str, arguments: Mapping[str, Any]) -> ToolResult:
        try:
            result = await self._client.call_tool(name, dict(arguments))
        except MCPError as error:
            if error.error.code == CONNECTION_CLOSED:
                raise ServerGone("the connection ended") from error
            raise ToolFailed(f"the tool refused: {error.error.message[:500]}") from error
        except _BROKEN as error:
            raise ServerGone(f"{type(error).__name__}: the connection ended") from error
        except (ValidationError, RuntimeError) as error:
            raise ToolFailed("the tool answered with something that is no result") from error
        text = _text_of(result)
        if result.is_error:
            raise ToolFailed(text or "the tool failed")
        images = [_image(block) for block in result.content[:MOST_BLOCKS]]
        return ToolResult(text, images=[image for image in images if image is not None])


@asynccontextmanager
async def connect(server: ServerEntry, log_file: Path) -> AsyncIterator[RemoteTools]:
    """A connection to a server, which is started where it is a command; it ends with the block.

    What a command writes to its standard error goes to `log_file`. Raises ServerGone.
    """
    async with AsyncExitStack() as stack:
        try:
            if server.url is not None:
                headers = {name: value.get_secret_value() for name, value in server.headers.items()}
                timeout = httpx2.Timeout(30.0, read=READ_SECONDS)
                http = await stack.enter_async_context(httpx2.AsyncClient(headers=headers, timeout=timeout))
                transport = streamable_http_client(server.url, http_client=http)
            else:
                log_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
                errors = stack.enter_context(os.fdopen(os.open(log_file, flags, 0o600), "w", encoding="utf-8"))
                transport = stdio_client(_command(server), errlog=errors)
            client = Client(transport, client_info=Implementation(name="javis", version="1"), cache=None)
            await stack.enter_async_context(client)
        except (MCPError, ValidationError, ExceptionGroup, *_BROKEN) as error:  # a group: of the SDK's own tasks
            raise ServerGone(f"{type(error).__name__}: it does not start or does not answer") from error
        yield _Connection(client)


def _command(server: ServerEntry) -> StdioServerParameters:
    environment = {name: value.get_secret_value() for name, value in server.env.items()}
    return StdioServerParameters(command=server.command or "", args=list(server.args), env=environment, cwd=server.cwd)


def _text_of(result: CallToolResult) -> str:
    pieces = [_block(block) for block in result.content]
    if not pieces and result.structured_content is not None:
        return json.dumps(result.structured_content, ensure_ascii=False)
    return "\n".join(pieces)


def _block(block: Any) -> str:
    if isinstance(block, TextContent):
        return block.text
    inner = getattr(block, "resource", block)
    text = getattr(inner, "text", None)
    if isinstance(text, str):
        return text
    kind = getattr(inner, "mime_type", None) or getattr(inner, "uri", "")
    return f"[{block.type} {kind}]".replace(" ]", "]")


def _image(block: Any) -> Image | None:
    """None for what is no image, or a larger one than any model is shown."""
    data = block.data if isinstance(block, ImageContent) else getattr(getattr(block, "resource", None), "blob", None)
    if not isinstance(data, str) or len(data) > 2 * MOST_BYTES:
        return None
    try:
        return read_image(base64.b64decode(data, validate=True))
    except ValueError:
        return None
