"""The schema that ships takes and refuses what the reader does."""

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from routing.document import parse_document
from routing.faults import FileFaults
from routing.file import read_bindings
from routing.json_schema import bindings_schema, schema_path

ROOT: Final = Path(__file__).parents[3]
SCHEMA: Final = json.loads(schema_path().read_text("utf-8"))
VALIDATOR: Final = Draft202012Validator(SCHEMA)


def reader_takes(data: Any) -> bool:
    try:
        read_bindings(parse_document(json.dumps(data), "bindings.json"))
    except FileFaults:
        return False
    return True


def test_schema_that_ships_is_the_one_that_is_made() -> None:
    assert bindings_schema() == SCHEMA, "write routing/bindings.schema.json anew with routing.json_schema"
    Draft202012Validator.check_schema(SCHEMA)


def test_shipped_file_names_the_schema_and_fits_it() -> None:
    text = (ROOT / "bindings.yaml").read_text("utf-8")
    named = re.match(r"# yaml-language-server: \$schema=(\S+)\n", text)
    assert named is not None
    assert (ROOT / named[1]).samefile(schema_path())
    VALIDATOR.validate(parse_document(text, "bindings.yaml").data)


def test_every_key_tells_what_it_means() -> None:
    for entry in (SCHEMA, *(SCHEMA["$defs"][name] for name in ("MatchEntry", "BindingEntry", "DefaultsEntry"))):
        assert all("description" in field for field in entry["properties"].values())


MATCHES: Final = [
    ({}, True),
    ({"channel": "telegram", "peer": {"kind": "group", "id": "-100"}, "thread": 42}, True),
    ({"channel": "telegram", "sender": "@bob"}, False),
    ({"channel": "telegram", "sender": "bob"}, False),
    ({"channel": "discord", "roles": ["11", "admins"]}, False),
    ({"channel": "discord", "roles": []}, False),
    ({"channel": "webhook", "sender": "bob"}, True),
    ({"channel": "webhook", "sender": "bob brown"}, False),
    ({"sender": "@bob:example.org"}, True),
    ({"sender": "#general"}, False),
    ({"sender": "*"}, False),
    ({"sender": " "}, False),
    ({"sender": True}, False),
    ({"sender": None}, True),
    ({"account": "*"}, False),
    ({"account": ""}, False),
    ({"peer": {"kind": "dm", "id": "1"}}, False),
    ({"peer": None}, False),
    ({"username": "bob"}, False),
    ({"channel": "Telegram"}, False),
]


@pytest.mark.parametrize(("match", "fits"), MATCHES)
def test_matches_are_taken_and_refused_alike(match: Any, fits: bool) -> None:  # noqa: FBT001
    data = {"agents": [{"id": "main"}], "bindings": [{"agent": "main", "match": match}]}
    assert reader_takes(data) is fits
    assert VALIDATOR.is_valid(data) is fits


@pytest.mark.parametrize(
    "data",
    [
        {"agents": [{"id": "main"}], "bindings": None, "defaults": None},
        {"agents": [{"id": "main"}], "defaults": {"dm_scope": "per-peer", "identity_links": {"a": ["telegram:1"]}}},
        {"agents": [{"id": "main"}], "defaults": {"identity_links": {"a": ["telegram:@bob"]}}},
        {"agents": [{"id": "main"}], "defaults": {"identity_links": {"a": ["telegram"]}}},
        {"agents": [{"id": "main"}], "defaults": {"identity_links": {"a": ["irc:bob"], "b": ["irc:@eve"]}}},
        {"agents": [{"id": "main"}], "defaults": {"identity_links": {"A": []}}},
        {"agents": [{"id": "main"}], "defaults": {"dm_scope": "nobody"}},
        {"agents": [{"id": "Main"}, {"id": "main"}]},
        {"agents": [{"id": "main", "model": {"primary": "a", "fallbacks": ["b"]}, "max_tokens": 1, "temperature": 0}]},
        {"agents": [{"id": "main", "max_tokens": 0}]},
        {"agents": [{"id": "main", "modle": "kimi"}]},
        {"agents": [{"id": "main"}], "bindings": [{"agent": "main"}]},
        {"agents": [{"id": "main"}], "bindings": [{"agent": "main", "match": {}, "priority": "high"}]},
        {"agents": [{"id": "main"}], "bindngs": []},
        [],
    ],
)
def test_files_are_taken_and_refused_alike(data: Any) -> None:
    assert VALIDATOR.is_valid(data) is reader_takes(data)


IDS: Final[st.SearchStrategy[Any]] = st.one_of(
    st.integers(-5, 5),
    st.sampled_from(["1", "-100", "@bob", "#x", "@a:b", "a b", " 1", "1 ", "x", "", " ", "*", "U02\n"]),
    st.none(),
    st.booleans(),
    st.just([]),
)
MATCH: Final = st.fixed_dictionaries(
    {},
    optional={
        "channel": st.sampled_from(["telegram", "discord", "irc", "web-2", "Bad", ""]) | st.none(),
        "account": st.sampled_from(["work", "*", "", 5]) | st.none(),
        "peer": st.fixed_dictionaries(
            {}, optional={"kind": st.sampled_from(["direct", "group", "channel", "dm"]), "id": IDS}
        ),
        "thread": IDS,
        "guild": IDS,
        "sender": IDS,
        "roles": st.lists(IDS, max_size=2) | st.none(),
    },
)
BINDING: Final = st.fixed_dictionaries(
    {"agent": st.just("main"), "match": MATCH}, optional={"priority": st.integers() | st.just("1")}
)


@settings(max_examples=400)
@given(st.lists(BINDING, max_size=3))
def test_whatever_stands_there_both_say_the_same(bindings: list[Any]) -> None:
    data = {"agents": [{"id": "main"}], "bindings": bindings}
    assert VALIDATOR.is_valid(data) is reader_takes(data)
