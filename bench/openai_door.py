"""The OpenAI-compatible door beside the model behind it, asked by the same client."""

import asyncio
import socket
import statistics
import tempfile
import time
from pathlib import Path

import httpx

from bench.bots import GATEWAY_TOKEN, javis
from bench.platform import platform

ROUNDS = 5
SECONDS = 2.0
AT_ONCE = 32
BINDINGS = "agents: [{id: main, kind: llm, model: kimi, tools: []}]\n"


async def measure_openai_door() -> None:
    """Completions a second through the gateway, over those of the zero-delay model alone."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
        probe.close()
        gateway = {"port": port, "rate_per_second": None}
        async with platform(1) as server, javis(server, Path(folder), gateway, bindings=BINDINGS):
            model = (server.addresses["model_api_base"], server.addresses["model_key"], "moonshot-v1-128k")
            door = (f"http://127.0.0.1:{port}/v1", GATEWAY_TOKEN, "javis/main")
            await _until_it_answers(*door)
            pairs = [(await _asked_a_second(*model), await _asked_a_second(*door)) for _ in range(ROUNDS)]
    ours = statistics.median(pair[1] for pair in pairs)
    ratio = statistics.median(through / bare for bare, through in pairs)
    print(f"completions through the door{ours:8.0f} /s    {ratio:5.2f} x the model asked by httpx alone")


async def _asked_a_second(base: str, key: str, model: str) -> float:
    body = {"model": model, "messages": [{"role": "user", "content": "hello"}]}

    async def ask(http: httpx.AsyncClient) -> int:
        count = 0
        while time.monotonic() < end:
            (await http.post("/chat/completions", json=body)).raise_for_status()
            count += 1
        return count

    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=base, headers=headers, timeout=30) as http:
        begin = time.monotonic()
        end = begin + SECONDS
        counts = await asyncio.gather(*(ask(http) for _ in range(AT_ONCE)))
        return sum(counts) / (time.monotonic() - begin)


async def _until_it_answers(base: str, key: str, model: str) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                await _asked_a_second(base, key, model)
            except httpx.ConnectError:
                await asyncio.sleep(0.05)
            else:
                return


if __name__ == "__main__":
    asyncio.run(measure_openai_door())
