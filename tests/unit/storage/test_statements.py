"""Every named statement, read by both databases."""

import re
from pathlib import Path

import psycopg
import pytest

from bot import storage
from bot.methods.table import TABLE
from bot.storage.migrate import migrations as sqlite_migrations
from bot.storage.postgresql.dialect import psycopg_form
from bot.storage.postgresql.migrate import migrations
from bot.storage.postgresql.storage import open_postgresql
from bot.storage.queries import load_queries
from bot.storage.sqlite import open_sqlite
from channels.clock import ManualClock

PARAMETER = re.compile(r"%\((\w+)\)s")


async def test_sqlite_can_plan_every_statement(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path / "javis.db") as opened:
        for name, sql in load_queries("sqlite").items():
            names = set(re.findall(r"(?<![:\w]):([a-z_]\w*)", re.sub(r"'[^']*'", "", sql)))
            assert opened._writer.execute(f"EXPLAIN {sql}", dict.fromkeys(names)).fetchall(), name


async def test_postgresql_finds_the_types_of_every_statement_and_can_plan_it(postgresql_url: str) -> None:
    faults = []
    async with open_postgresql(postgresql_url, ManualClock()):
        with psycopg.connect(postgresql_url, autocommit=True) as connection:
            for name, sql in load_queries("postgresql").items():
                numbered, names = psycopg_form(sql), list(dict.fromkeys(PARAMETER.findall(psycopg_form(sql))))
                for number, each in enumerate(names, start=1):
                    numbered = numbered.replace(f"%({each})s", f"${number}")
                try:
                    connection.execute(f"PREPARE probe AS {numbered.replace('%%', '%')}".encode())
                    nulls = f"({', '.join(['NULL'] * len(names))})" if names else ""
                    connection.execute(f"EXPLAIN EXECUTE probe{nulls}".encode())
                    connection.execute("DEALLOCATE probe")
                except psycopg.Error as error:
                    faults.append(f"{name}: {error}")
                    connection.execute("DEALLOCATE ALL")
    assert not faults, "\n".join(faults)


def test_every_named_statement_exists_and_is_used() -> None:
    package = Path(storage.__file__).parents[1]
    known = {*load_queries("sqlite"), *load_queries("postgresql")}
    files = {name.split(".")[0] for name in known}
    names = re.compile(rf'"((?:{"|".join(sorted(files))})\.[a-z_]+)"')
    used: set[str] = set()
    for path in package.rglob("*.py"):
        used |= set(names.findall(path.read_text("utf-8")))
    others = {*TABLE, "sessions.jsonl"}  # gateway methods and a file have names of the same form
    assert used - (others - known) == known


@pytest.mark.parametrize(
    ("sql", "form"),
    [
        ("SELECT :a, ':b', x::text -- :c", "SELECT %(a)s, ':b', x::text -- :c"),
        ("a LIKE '%' || :a || ':%' AND b % 2 = :a", "a LIKE '%%' || %(a)s || ':%%' AND b %% 2 = %(a)s"),
        ("'it''s :a' || :a", "'it''s :a' || %(a)s"),
    ],
)
def test_parameters_are_found_outside_text_and_comments(sql: str, form: str) -> None:
    assert psycopg_form(sql) == form


def test_every_migration_is_there_for_both_under_a_number_of_its_own() -> None:
    assert [number for number, _ in migrations()] == [number for number, _ in sqlite_migrations()]


@pytest.mark.parametrize(
    "name", ["inbox.store", "inbox.finish", "sessions.touch", "outbox.enqueue", "outbox.sent", "outbox.again"]
)
async def test_sqlite_builds_no_table_to_write_a_row_of_the_road(name: str, tmp_path: Path) -> None:
    """As it does for `IN` with three names and more, in a CHECK or the WHERE of an index."""
    async with open_sqlite(tmp_path / "javis.db") as opened:
        sql = load_queries("sqlite")[name]
        steps = opened._writer.execute(f"EXPLAIN {sql}", dict.fromkeys(re.findall(r":([a-z_]\w*)", sql)))
        built = [step["opcode"] for step in steps if step["opcode"] == "OpenEphemeral"]
    assert len(built) == sql.count("RETURNING"), "one for the answer alone"
