"""A headless Chromium for tests of pages, driven over the DevTools protocol.

https://chromedevtools.github.io/devtools-protocol/
"""

import asyncio
import base64
import itertools
import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import IO, Any

import aiohttp
import pytest

from tests.patience import PATIENCE_SECONDS

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    # A tab behind others goes on as if it were in front: it draws, and its timers run.
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",  # a container often has little of that memory, and a tab that finds none dies
    "--remote-debugging-port=0",
)


class PageError(Exception):
    """A script in the page failed, or the browser refused a command."""


class Page:
    """One tab."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, session: str) -> None:
        self._socket = socket
        self._session = session
        self._ids = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.errors: list[str] = []

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """One DevTools command. Raises PageError when the browser refuses it or does not answer."""
        number = next(self._ids)
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        await self._socket.send_json({"id": number, "sessionId": self._session, "method": method, "params": params})
        try:
            return await asyncio.wait_for(answer, PATIENCE_SECONDS)
        except TimeoutError:
            raise PageError(f"the browser does not answer {method} {params}") from None

    async def listen(self) -> None:
        """Read what the browser says, for as long as it speaks."""
        async for frame in self._socket:
            message = frame.json()
            if "id" in message:
                answer = self._answers.pop(message["id"], None)
                if answer is None or answer.done():
                    continue
                if "error" in message:
                    answer.set_exception(PageError(message["error"]["message"]))
                else:
                    answer.set_result(message["result"])
            elif message["method"] == "Runtime.exceptionThrown":
                details = message["params"]["exceptionDetails"]
                self.errors.append(details.get("exception", {}).get("description", details["text"]))
            elif message["method"] == "Log.entryAdded" and message["params"]["entry"]["level"] == "error":
                self.errors.append(message["params"]["entry"]["text"])

    async def goto(self, url: str) -> None:
        await self.call("Page.navigate", url=url)

    async def evaluate(self, script: str) -> Any:
        """The JSON value of an expression; of a promise, what it becomes. Raises PageError."""
        answer = await self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise PageError(answer["exceptionDetails"]["exception"]["description"])
        return answer["result"].get("value")

    async def until(self, script: str) -> Any:
        """Wait, looking time and again, until the expression is true; its value. Raises PageError when it never is."""
        wrong = ""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while True:
                    try:  # the page may not have its elements, or may just be changing
                        if (value := await self.evaluate(script)) not in (None, False, ""):
                            return value
                        # Not requestAnimationFrame, which a tab that is never drawn never calls.
                        await self.evaluate("new Promise((done) => setTimeout(done, 15))")
                    except PageError as error:
                        wrong = str(error)
                        await asyncio.sleep(0.015)  # an answer for a page that is gone comes at once
        except TimeoutError:
            raise PageError(f"never became true: {script}; the page says {self.errors}, {wrong}") from None

    async def click(self, selector: str) -> None:
        """Click the middle of the first element that fits, as a mouse would; again when it moved away meanwhile."""
        name = json.dumps(selector)
        find = (
            f"(() => {{ const found = document.querySelector({name});"
            "found.scrollIntoView({block: 'nearest', behavior: 'instant'}); const box = found.getBoundingClientRect();"
            f"window.missed = false; const look = (event) => {{ window.missed = !event.target.closest({name}); }};"
            "window.addEventListener('click', look, {once: true, capture: true});"
            "return box.width && [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        missed = True
        while missed:
            x, y = await self.until(find)
            for kind in ("mousePressed", "mouseReleased"):
                await self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
            missed = await self.evaluate("window.missed === true")

    async def type(self, text: str) -> None:
        """Write into what has the focus."""
        await self.call("Input.insertText", text=text)

    async def press(self, key: str) -> None:
        """Press a key that writes nothing, such as Enter or ArrowDown."""
        codes = {"Enter": 13, "Escape": 27, "Tab": 9, "ArrowDown": 40, "ArrowUp": 38}
        for kind in ("rawKeyDown", "keyUp"):
            await self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=codes[key])

    async def resize(self, width: int, height: int, *, mobile: bool = False) -> None:
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile
        )

    async def prefer(self, scheme: str) -> None:
        """`light` or `dark`."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        await self.call("Emulation.setEmulatedMedia", features=features)

    async def screenshot(self, path: Path) -> None:
        answer = await self.call("Page.captureScreenshot")
        path.write_bytes(base64.b64decode(answer["data"]))


@contextmanager
def browser() -> Iterator[str]:
    """Where a new browser listens for DevTools. Skips where there is no Chromium, unless CI=true."""
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI needs Chromium for the page's tests")
        pytest.skip("Chromium is not installed, so the page cannot be tested")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [program, *_FLAGS, f"--user-data-dir={profile}", "about:blank"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            assert process.stderr is not None
            try:
                yield _address(process.stderr)
            finally:
                process.kill()


def _address(words: IO[bytes]) -> str:
    """What the browser says of itself; all that it says later is read too, lest its pipe fill up."""
    for line in words:
        before, found, address = line.decode(errors="replace").partition("DevTools listening on ")
        if found and not before:
            threading.Thread(target=words.read, name="browser's words", daemon=True).start()
            return address.strip()
    raise PageError("the browser ended before it listened")


@asynccontextmanager
async def open_page(browser: str, *, language: str = "zh-TW") -> AsyncIterator[Page]:
    """A tab in the browser that listens there; it shares nothing with other tabs."""
    async with aiohttp.ClientSession() as http, http.ws_connect(browser) as socket:
        page = Page(socket, await _attach(socket))
        listener = asyncio.create_task(page.listen(), name="devtools")
        for domain in ("Page", "Runtime", "Log"):
            await page.call(f"{domain}.enable")
        agent = await page.evaluate("navigator.userAgent")
        await page.call("Emulation.setUserAgentOverride", userAgent=agent, acceptLanguage=language)
        yield page
        listener.cancel()


async def _attach(socket: aiohttp.ClientWebSocketResponse) -> str:
    ids = itertools.count(900_001)

    async def ask(method: str, **params: Any) -> dict[str, Any]:
        number = next(ids)
        await socket.send_json({"id": number, "method": method, "params": params})
        async for frame in socket:
            message = frame.json()
            if message.get("id") == number:
                result: dict[str, Any] = message["result"]
                return result
        raise PageError("the browser hung up")

    context = await ask("Target.createBrowserContext", disposeOnDetach=True)
    target = await ask("Target.createTarget", url="about:blank", **context)
    attached = await ask("Target.attachToTarget", targetId=target["targetId"], flatten=True)
    return str(attached["sessionId"])
