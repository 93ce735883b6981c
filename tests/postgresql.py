"""A real PostgreSQL for tests: the one on this machine's usual port, or one started for this run."""

import asyncio
import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest

from bot.storage.postgresql.storage import open_postgresql
from channels.clock import SystemClock
from tests.links import NETWORK
from tests.patience import PATIENCE_SECONDS
from tests.ports import free_port

USERS = ("postgres", "root")
_PATIENTLY = ("-w", "-t", str(round(PATIENCE_SECONDS)))
INSTALL = "install Debian's package postgresql, or name a server in JAVIS_TEST_POSTGRESQL_URL"


@contextmanager
def server() -> Iterator[str]:
    """The URL of a database in which schemas may be made. Skips where there is no server; fails where CI=true.

    One that is started for the run need not outlive a power failure, so making a database costs it little.
    """
    named = os.environ.get("JAVIS_TEST_POSTGRESQL_URL")
    if named is None and _binaries() is not None:
        with own_server() as made:
            yield made.url
        return
    for url in [named] if named else [f"postgresql://{user}@127.0.0.1:5432/postgres" for user in USERS]:
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(url, connect_timeout=2).close()
            yield url
            return
    with own_server() as made:
        yield made.url


@contextmanager
def fresh_schema(url: str) -> Iterator[str]:
    """The URL of an empty schema, dropped at the end."""
    name = f"javis_test_{uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}".encode())
        try:
            yield f"{url}{'&' if '?' in url else '?'}options=-csearch_path%3D{name}"
        finally:
            connection.execute("SET lock_timeout = '20s'")
            connection.execute(f"DROP SCHEMA {name} CASCADE".encode())


@contextmanager
def fresh_database(url: str, template: str | None = None) -> Iterator[str]:
    """The URL of a database of one's own, dropped at the end: empty, or a copy of `template`."""
    name = f"javis_test_{uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as connection:
        source = "template0" if template is None else urlsplit(template).path[1:]
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {source}".encode())
        try:
            yield urlsplit(url)._replace(path=f"/{name}").geturl()
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def fill(url: str) -> None:
    """Make Javis's tables there. In a thread, because whoever calls may have an event loop."""

    async def fill_it() -> None:
        async with open_postgresql(url, SystemClock()):
            pass

    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(fill_it())).result()


class OwnServer:
    """A server of one test's own, which may be stopped and started. `url` is its database."""

    def __init__(self, folder: Path, binaries: Path) -> None:
        self._folder = folder
        self._binaries = binaries
        self._user = "postgres" if os.geteuid() == 0 else None  # initdb refuses root
        self._port = free_port()
        self.url = f"postgresql://javis@127.0.0.1:{self._port}/postgres"

    def make(self) -> None:
        if self._user is not None:
            shutil.chown(self._folder, self._user)
        self._run("initdb", "-U", "javis", "-A", "trust", "-E", "UTF8", "--no-sync", "-D", str(self._folder / "data"))
        settings = f"port = {self._port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\nfsync = off\n"
        with (self._folder / "data" / "postgresql.conf").open("a") as file:
            file.write(settings)
        with (self._folder / "data" / "pg_hba.conf").open("a") as file:
            file.write(f"host all all {NETWORK}.0.0/16 trust\n")

    def start(self) -> None:
        self._run("pg_ctl", "-D", str(self._folder / "data"), "-l", str(self._folder / "log"), *_PATIENTLY, "start")

    def stop(self, mode: str = "fast") -> None:
        """`immediate` is a crash."""
        self._run("pg_ctl", "-D", str(self._folder / "data"), "-m", mode, *_PATIENTLY, "stop")

    def set(self, name: str, value: str) -> None:
        """Change a setting of the running server; when this returns, a new session has it."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"ALTER SYSTEM SET {name} = '{value}'".encode())
            connection.execute("SELECT pg_reload_conf()")
            while connection.execute(f"SHOW {name}".encode()).fetchone() != (value,):
                pass

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._binaries / program), *arguments]
        subprocess.run(command, check=True, capture_output=True, user=self._user, cwd=self._folder)


@contextmanager
def own_server() -> Iterator[OwnServer]:
    """A started server of one's own. Skips where PostgreSQL is not installed; fails where CI=true."""
    binaries = _binaries()
    if binaries is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"there is no PostgreSQL to start: {INSTALL}")
        pytest.skip(f"no PostgreSQL: {INSTALL}")
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        made = OwnServer(Path(folder), binaries)
        made.make()
        made.start()
        try:
            yield made
        finally:
            with contextlib.suppress(subprocess.CalledProcessError):
                made.stop("immediate")


def _binaries() -> Path | None:
    """The folder of the newest PostgreSQL that Debian's packages have installed; None: there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None
