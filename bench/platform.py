"""The simulator in a process of its own: the same server for every contender of a run."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

FIRST_USER = 7_000_000_001


@dataclass(frozen=True, slots=True)
class Platform:
    """A running simulator and a way to it."""

    http: aiohttp.ClientSession
    addresses: Mapping[str, str]

    async def say(self, texts: Sequence[str], chats: int) -> None:
        """`texts` in turn to the direct chats of the first `chats` people, all at once."""
        messages = [
            {"chat_id": FIRST_USER + index % chats, "user_id": FIRST_USER + index % chats, "text": text}
            for index, text in enumerate(texts)
        ]
        await self.post("say_many", {"messages": messages})

    async def wait_for_sent(self, count: int, limit_seconds: float = 120) -> float:
        """The moment (monotonic) at which the bot had sent `count` messages."""
        end = time.monotonic() + limit_seconds
        while time.monotonic() < end:
            if await self.calls("sendMessage") >= count:
                return time.monotonic()
            await asyncio.sleep(0.01)
        raise TimeoutError(f"not {count} messages within {limit_seconds} s")

    async def calls(self, method: str) -> int:
        return int((await self.get("calls")).get(method, 0))

    async def sent(self) -> list[Any]:
        sent: list[Any] = (await self.get("sent"))["sent"]
        return sent

    async def slow_model(self, seconds: float) -> None:
        await self.post("faults", {"platform": "model", "kind": "delay", "seconds": seconds})

    async def get(self, path: str) -> Any:
        """What the control API tells."""
        async with self.http.get(self.addresses["url"] + "/simulator/" + path) as response:
            return await response.json()

    async def post(self, path: str, body: object) -> Any:
        """What the control API answers."""
        async with self.http.post(self.addresses["url"] + "/simulator/" + path, json=body) as response:
            response.raise_for_status()
            return await response.json()


@asynccontextmanager
async def platform(users: int) -> AsyncIterator[Platform]:
    """A fresh simulator with `users` direct chats, in memory."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "channels.simulator", "--port", "0", "--seed-users", str(users),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        addresses = json.loads(await process.stdout.readline()) if process.stdout else {}
        async with aiohttp.ClientSession() as http:
            yield Platform(http, addresses)
    finally:
        process.terminate()
        await process.wait()
