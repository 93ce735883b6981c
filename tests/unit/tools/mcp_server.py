"""A real MCP server with the SDK's own server half: over standard streams, or `http PORT`."""

import base64
import os
import sys

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import BlobResourceContents, ContentBlock, EmbeddedResource, ImageContent, TextContent, ToolAnnotations

server = MCPServer("test")
READ_ONLY = ToolAnnotations(read_only_hint=True)


@server.tool(annotations=READ_ONLY)
def add(a: int, b: int) -> str:
    """Add two numbers."""
    return str(a + b)


@server.tool(annotations=READ_ONLY)
def who() -> str:
    """The server's process id, and what it was given."""
    return f"{os.getpid()} {os.environ.get('SECRET_FOR_SERVER', '')} {os.environ.get('KIMI_API_KEY', '')}"


@server.tool()
def break_down() -> str:
    """End the server in the middle of a call."""
    os._exit(1)


@server.tool(annotations=READ_ONLY)
def break_down_once(path: str) -> str:
    """End the server in the middle of the first call."""
    try:
        with open(path, "x", encoding="utf-8"):  # noqa: PTH123
            os._exit(1)
    except FileExistsError:
        return "back again"


@server.tool(annotations=READ_ONLY)
def look() -> list[ContentBlock]:
    """Two images, one that is none, and a word."""
    gif = base64.b64encode(b"GIF89a").decode()
    return [
        TextContent(type="text", text="the sky"),
        ImageContent(type="image", data=gif, mime_type="image/png"),
        ImageContent(type="image", data="bm8=", mime_type="image/png"),
        EmbeddedResource(
            type="resource", resource=BlobResourceContents(uri="file:///sky.gif", blob=gif, mime_type="image/gif")
        ),
    ]


@server.tool(name="refuse.it")
def refuse() -> str:
    """Fail."""
    raise ToolError("not today")


if __name__ == "__main__":
    sys.stderr.write("the server begins\n")
    if sys.argv[1:2] == ["http"]:
        server.run("streamable-http", port=int(sys.argv[2]))
    else:
        server.run("stdio")
