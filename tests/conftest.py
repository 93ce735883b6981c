import os
from collections.abc import Iterator
from pathlib import Path

import certifi
import pytest
from hypothesis import HealthCheck, is_hypothesis_test, settings
from pydantic import SecretStr

from bot.storage.opening import Database
from tests import postgresql

# The same examples on every machine, however slow. To look further: `pytest --hypothesis-profile=default`.
settings.register_profile(
    "steady", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("steady")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Measuring what properties cover takes as long as they do, and shows next to no line that other tests do not."""
    for item in items:
        if isinstance(item, pytest.Function) and is_hypothesis_test(item.obj):
            item.add_marker("no_cover")


@pytest.fixture(scope="session", autouse=True)
def no_proxy() -> Iterator[None]:
    """Nobody but loopback is spoken to, whatever the environment says."""
    with pytest.MonkeyPatch.context() as environment:
        for name in [each for each in os.environ if each.lower().endswith("_proxy")]:
            environment.delenv(name)
        yield


@pytest.fixture(scope="session", autouse=True)
def one_certificate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Each HTTP client of a test would read all the world's certificates."""
    path = tmp_path_factory.mktemp("trust") / "one.pem"
    first, end, _ = certifi.contents().partition("-----END CERTIFICATE-----\n")
    path.write_text(first + end)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SSL_CERT_FILE", str(path))
        yield


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    with postgresql.server() as url:
        yield url


@pytest.fixture
def postgresql_url(postgresql_server: str) -> Iterator[str]:
    """An empty schema of a real PostgreSQL."""
    with postgresql.fresh_schema(postgresql_server) as url:
        yield url


@pytest.fixture(scope="session")
def postgresql_template(postgresql_server: str) -> Iterator[str]:
    """A database with all tables, to be copied: that is faster than making them."""
    with postgresql.fresh_database(postgresql_server) as url:
        postgresql.fill(url)
        yield url


@pytest.fixture
def postgresql_database(postgresql_server: str, postgresql_template: str) -> Iterator[str]:
    """A database with all tables and no rows."""
    with postgresql.fresh_database(postgresql_server, postgresql_template) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def any_database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """For `open_storage`: an empty SQLite file, then an empty database on a real PostgreSQL."""
    if request.param == "sqlite":
        return tmp_path / "home" / "javis.db"
    return SecretStr(request.getfixturevalue("postgresql_database"))
