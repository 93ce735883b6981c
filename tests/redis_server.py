"""A real Redis for tests: one started for this run, or the one on this machine's usual port."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis

from tests.patience import PATIENCE_SECONDS
from tests.ports import free_port

INSTALL = "install Debian's package redis-server, or name a server in JAVIS_TEST_REDIS_URL"


@contextmanager
def server() -> Iterator[str]:
    """The URL of a running Redis. Skips where there is none; fails where CI=true.

    One of their own keeps test processes that run side by side out of each other's way.
    """
    named = os.environ.get("JAVIS_TEST_REDIS_URL")
    if named is None and shutil.which("redis-server") is not None:
        with own_server() as made:
            yield made
        return
    url = named or "redis://127.0.0.1:6379/0"
    if _answers(url):
        yield url
        return
    with own_server() as made:
        yield made


@contextmanager
def own_server() -> Iterator[str]:
    """A Redis of one's own on a free port."""
    program = shutil.which("redis-server")
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"there is no Redis to start: {INSTALL}")
        pytest.skip(f"no Redis: {INSTALL}")
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            url = f"redis://127.0.0.1:{port}/0"
            try:
                end = time.monotonic() + PATIENCE_SECONDS
                while not _answers(url):
                    if time.monotonic() > end or process.poll() is not None:
                        pytest.fail("the Redis that was started does not answer")
                yield url
            finally:
                process.terminate()


def _answers(url: str) -> bool:
    with redis.Redis.from_url(url, socket_connect_timeout=1, socket_timeout=PATIENCE_SECONDS) as client:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
