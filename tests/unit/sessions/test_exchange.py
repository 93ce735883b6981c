"""Sessions in claw0's form: out and in again unchanged; of files that are wrong, nothing."""

import json
import string
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.sessions import jsonl
from bot.sessions.exchange import export_sessions, read_folder
from bot.sessions.jsonl import FilesRefused, read_record, transcript_name, write_record
from bot.sessions.transcript import Conversation, Record
from bot.storage.sqlite import open_sqlite
from tests.unit.sessions.archivist import KEY, Archivist

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)
RECORD = st.builds(
    Record,
    st.sampled_from(["user", "assistant", "system", "tool"]),
    TEXT,
    st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001
        lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    ),
    st.dictionaries(TEXT, VALUE, max_size=3),
)
PART = st.text(string.ascii_lowercase + string.digits + "_./~ é中%-", min_size=1, max_size=12)
ESCAPED = PART.map(lambda part: part.replace("%", "%25").replace(":", "%3a"))
SESSIONS = st.dictionaries(
    ESCAPED.map(lambda part: f"agent:main:web:direct:{part}"), st.lists(RECORD, max_size=4), max_size=3
)


@given(RECORD)
def test_a_record_is_read_as_it_was_written(record: Record) -> None:
    line = write_record(record, 7)
    assert line.count("\n") == 1
    assert read_record(line.encode()) == jsonl.Line(record, 7)


@given(st.text(max_size=300))
def test_every_key_makes_the_name_of_a_file_in_its_folder(key: str) -> None:
    key = key.encode(errors="ignore").decode()
    name = transcript_name(key)
    assert Path(name).name == name
    assert not name.startswith(".")
    assert len(name.encode()) <= 220


def test_the_name_is_the_key_with_underscores() -> None:
    assert transcript_name("agent:main:telegram:group:-100") == "agent_main_telegram_group_-100.jsonl"


@settings(max_examples=25)
@given(said=SESSIONS)
async def test_sessions_go_out_and_come_back_unchanged(
    tmp_path_factory: pytest.TempPathFactory, said: dict[str, list[Record]]
) -> None:
    folder = tmp_path_factory.mktemp("exchange")
    async with open_sqlite(folder / "one.db") as storage:
        one = Archivist(storage, folder / "archive")
        for key, records in said.items():
            await storage.commit(one.sessions.append(Conversation(key), "main", records))
        chosen = await one.sessions.newest(100)
        assert await export_sessions(one.sessions, one.archive, chosen, folder / "out") == sum(map(len, said.values()))
    async with open_sqlite(folder / "two.db") as storage:
        two = Archivist(storage, folder / "archive")
        for found in read_folder(folder / "out"):
            assert await two.importer.take(found)
        assert {session.key for session in await two.sessions.newest(100)} == set(said)
        for key, records in said.items():
            assert list(await two.sessions.history(key, 100)) == records
            (session,) = await two.sessions.of_key(key)
            assert (session.messages, session.agent, session.state) == (len(records), "main", "open")


async def test_what_is_open_here_is_left_alone_unless_it_is_to_be_replaced(
    archivist: Archivist, tmp_path: Path
) -> None:
    await archivist.say("theirs")
    await export_sessions(archivist.sessions, archivist.archive, await archivist.sessions.newest(9), tmp_path / "out")
    await archivist.say("ours")
    (found,) = read_folder(tmp_path / "out")
    assert not await archivist.importer.take(found)
    assert await archivist.texts() == ["theirs", "ours"]
    assert await archivist.importer.take(found, in_place=True)
    assert await archivist.texts() == ["theirs"]
    assert await archivist.states() == ["open", "closed"]


async def test_ended_sessions_go_along_and_are_taken_over_once(archivist: Archivist, tmp_path: Path) -> None:
    for text in ("first", "second"):
        await archivist.say(text)
        await archivist.clock.advance(5)
        await archivist.close()
    await archivist.archive.store((await archivist.sessions.of_key(KEY))[1])
    await archivist.say("third")
    chosen = [*await archivist.sessions.newest(9), *await archivist.sessions.newest(9, closed=True)]
    await export_sessions(archivist.sessions, archivist.archive, chosen, tmp_path / "out")
    async with open_sqlite(tmp_path / "other.db") as storage:
        other = Archivist(storage, tmp_path / "archive")
        for taken in (True, False):
            assert [await other.importer.take(found) for found in read_folder(tmp_path / "out")] == [taken] * 3
        assert await other.texts() == ["third"]
        assert sorted(await other.states()) == ["closed", "closed", "open"]


def folder_with(path: Path, index: str, transcripts: dict[str, bytes]) -> Path:
    (path / "transcripts").mkdir(parents=True)
    (path / "sessions.jsonl").write_text(index, encoding="utf-8")
    for name, content in transcripts.items():
        (path / "transcripts" / name).write_bytes(content)
    return path


GOOD = json.dumps({"session_key": KEY, "created_at": 1_700_000_000.5})
NAME = "agent_main_telegram_direct_5.jsonl"
RIGHT = b'{"role": "user", "content": "hi", "timestamp": "2024-01-01T00:00:00", "metadata": null}\n'


async def test_the_form_of_claw0_is_read(archivist: Archivist, tmp_path: Path) -> None:
    index = json.dumps({"session_key": "agent:main:cli:ann", "last_active": 1_700_000_000})
    seconds = b'\n{"role": "assistant", "content": "", "timestamp": 1700000000.25}\n'
    folder = folder_with(tmp_path / "in", index, {"agent_main_cli_ann.jsonl": RIGHT + seconds})
    (found,) = read_folder(folder)
    assert await archivist.importer.take(found)
    first, second = await archivist.sessions.history("agent:main:cli:direct:ann", 9)
    assert (first.content, first.timestamp) == ("hi", datetime(2024, 1, 1, tzinfo=UTC))
    assert second.timestamp == datetime.fromtimestamp(1_700_000_000, UTC) + timedelta(milliseconds=250)


@pytest.mark.parametrize(
    ("index", "transcript", "told"),
    [
        ("{", RIGHT, r"sessions\.jsonl:1: not JSON"),
        ("[]", RIGHT, r"sessions\.jsonl:1: not a JSON object"),
        ('{"session_key": 5}', RIGHT, r"sessions\.jsonl:1: session_key"),
        ('{"session_key": "nonsense", "created_at": 1}', RIGHT, r"sessions\.jsonl:1: session_key must read"),
        (json.dumps({"session_key": KEY}), RIGHT, r"sessions\.jsonl:1: timestamp"),
        (json.dumps({"session_key": KEY, "created_at": 1e300}), RIGHT, r"sessions\.jsonl:1: timestamp"),
        (GOOD + "\n\n" + GOOD, RIGHT, r"sessions\.jsonl:3: the same session_key"),
        (
            json.dumps({"session_key": KEY, "created_at": 1, "transcript_file": "../../secret.jsonl"}),
            RIGHT,
            r"sessions\.jsonl:1: transcript_file must be the name",
        ),
        (json.dumps({"session_key": KEY, "created_at": 1, "transcript_file": "link.jsonl"}), RIGHT, r"link\.jsonl: "),
        (json.dumps({"session_key": "agent:main:main", "created_at": 1}), RIGHT, r"agent_main_main\.jsonl: No such"),
        (GOOD, RIGHT + b"nonsense", rf"{NAME}:2: not JSON"),
        (GOOD, RIGHT + b'{"role": "user"', rf"{NAME}:2: not JSON"),
        (GOOD, b'{"role": "root", "content": "", "timestamp": 1}', rf"{NAME}:1: role must be one of user"),
        (GOOD, b'{"role": [], "content": "", "timestamp": 1}', rf"{NAME}:1: role"),
        (GOOD, b'{"role": "user", "content": ["x"], "timestamp": 1}', rf"{NAME}:1: content must be text"),
        (GOOD, b'{"role": "user", "content": "x", "timestamp": true}', rf"{NAME}:1: timestamp"),
        (GOOD, b'{"role": "user", "content": "x", "timestamp": NaN}', rf"{NAME}:1: NaN is not JSON"),
        (GOOD, b'{"role": "user", "content": "\\ud800", "timestamp": 1}', rf"{NAME}:1: half of a surrogate"),
        (GOOD, b'{"role": "user", "content": "x", "timestamp": 1, "metadata": []}', rf"{NAME}:1: metadata"),
        (GOOD, b"[" * 100_000, rf"{NAME}:1: nested too deeply"),
        (GOOD, b"\xff\xfe{}\n", rf"{NAME}:1: not JSON"),
        (
            GOOD,
            RIGHT + b'"' + b"x" * 3000 + b'"\n' + RIGHT + b"bad",
            rf"{NAME}:2: longer than(.|\n)*{NAME}:4: not JSON",
        ),
    ],
)
def test_hostile_files_are_named_with_their_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, index: str, transcript: bytes, told: str
) -> None:
    monkeypatch.setattr(jsonl, "LINE_BYTES", 200_000 if transcript.startswith(b"[") else 2000)
    (tmp_path / "secret.jsonl").write_bytes(RIGHT)
    folder = folder_with(tmp_path / "in", index, {NAME: transcript})
    (folder / "transcripts" / "link.jsonl").symlink_to(tmp_path / "secret.jsonl")
    with pytest.raises(FilesRefused, match=told):
        read_folder(folder)


def test_a_folder_without_an_index_is_told(tmp_path: Path) -> None:
    with pytest.raises(FilesRefused, match=r"sessions\.jsonl: No such file"):
        read_folder(tmp_path)


async def test_a_session_that_is_being_filled_is_seen_by_nobody(archivist: Archivist, tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "in", GOOD, {NAME: RIGHT})
    (found,) = read_folder(folder)
    (folder / "transcripts" / NAME).write_bytes(RIGHT * 3 + b"changed meanwhile")
    with pytest.raises(FilesRefused, match=rf"{NAME}:4"):
        await archivist.importer.take(found)
    assert await archivist.sessions.newest(9) == await archivist.sessions.newest(9, closed=True) == []
    await archivist.clock.advance(2 * 86_400)
    await archivist.archive.sweep()
    assert not await archivist.storage.read("sessions.last", {"session_id": 1, "most": 9})
