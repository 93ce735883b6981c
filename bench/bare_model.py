"""A model that costs next to nothing: the same completion for every question, after `seconds`. Prints its address."""

import asyncio
import json
import sys

from aiohttp import web

ANSWER = json.dumps(
    {
        "model": "m",
        "choices": [{"message": {"role": "assistant", "content": "hello " * 50}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 30, "completion_tokens": 50, "total_tokens": 80},
    }
).encode()


async def main(seconds: float) -> None:
    async def complete(request: web.Request) -> web.Response:
        await request.read()
        if seconds:
            await asyncio.sleep(seconds)
        return web.Response(body=ANSWER, content_type="application/json")

    app = web.Application()
    app.router.add_post("/v1/chat/completions", complete)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=4096)
    await site.start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}/v1", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1])))
