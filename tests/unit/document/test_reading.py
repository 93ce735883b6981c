import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from routing.document import Fault, FileFaults, load_document, parse_document
from routing.yaml_reader import read_yaml

LOADERS = [yaml.SafeLoader, getattr(yaml, "CSafeLoader", yaml.SafeLoader)]


def faults_of(text: str, path: str = "javis.yaml") -> list[str]:
    with pytest.raises(FileFaults) as caught:
        parse_document(text, path)
    return str(caught.value).splitlines()


def test_position_of_a_value_is_its_own_and_of_a_collection_its_key() -> None:
    document = parse_document("gateway:\n  host: here\nmodel_list:\n  - {model_name: kimi}\n", "javis.yaml")

    assert document.data == {"gateway": {"host": "here"}, "model_list": [{"model_name": "kimi"}]}
    assert document.position(["gateway"]) == (1, 1)
    assert document.position(["gateway", "host"]) == (2, 9)
    assert document.position(["model_list", 0]) == (4, 5)
    assert document.position(["model_list", 0, "model_name"]) == (4, 18)


def test_position_of_what_is_not_there_is_the_nearest_around_it() -> None:
    document = parse_document("a:\n  b: {c: 1}\n", "javis.yaml")

    assert document.position(["a", "b", "missing", "deeper"]) == (2, 3)
    assert document.position(["nothing"]) == (1, 1)


def test_fault_of_a_key_points_at_the_key() -> None:
    document = parse_document("a: 5\n", "javis.yaml")

    assert str(document.fault(["a"], "no")) == "javis.yaml:1:4: no"
    assert str(document.fault(["a"], "no", of_key=True)) == "javis.yaml:1:1: no"


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("22:00", "22:00"),
        ("no", "no"),
        ("2026-01-01", "2026-01-01"),
        ("1_000", "1_000"),
        ("-5298003529", -5298003529),
        ("0x10", 16),
        ("+886912345678", "+886912345678"),
        ("007", "007"),
        ("-007", "-007"),
        ("0", 0),
        ("-0", 0),
        ("9" * 500, "9" * 500),
        ("0.7", 0.7),
        (".inf", float("inf")),
        ("True", True),
        ("~", None),
        ("", None),
        ('"5"', "5"),
        ("''", ""),
    ],
)
def test_scalar_is_what_it_looks_like(written: str, value: object) -> None:
    assert parse_document(f"key: {written}", "javis.yaml").data == {"key": value}


def test_keys_are_always_text() -> None:
    assert parse_document("-100: {5: a, true: b}", "javis.yaml").data == {"-100": {"5": "a", "true": "b"}}


@pytest.mark.parametrize("text", ["", "# nothing but a comment\n", "---\n"])
def test_empty_file_holds_nothing(text: str) -> None:
    assert parse_document(text, "javis.yaml").data is None


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("a:\n\t- b", "2:1", "a tab stands here"),
        ("a: b: c", "1:5", "no colon is expected here"),
        ("a: 'x", "1:4", "never closed"),
        ("a: [1\nb: 2", "1:4", "the list that is opened here"),
        ("{a: 1", "1:1", "the mapping that is opened here"),
        ("a:\n  b: 1\n c: 2", "3:2", "the indentation does not fit"),
        ("- a\nb: c", "2:1", "the indentation does not fit"),
        ("a: @x", "1:4", "must stand in quotes"),
        ("a: *x", "1:4", "must stand in quotes"),
        ("a: !x y", "1:4", "must stand in quotes"),
        ("a: !x!y z", "1:4", "must stand in quotes"),
        ('a: "\\q"', "1:", "use single quotes"),
        ("a: |3x\n b", "1:6", "nothing but a comment may stand"),
        ("a: 1\n---\nb: 2", "2:1", "a second document begins here"),
        ("? [a]\n: b", "1:3", "a key must be a plain word"),
        ("a: \x1b[0m", "1:4", "invisible control character"),
    ],
)
def test_syntax_error_is_told_in_plain_words(loader: type[yaml.SafeLoader], text: str, place: str, words: str) -> None:
    with pytest.raises(FileFaults) as caught:
        read_yaml(text, "javis.yaml", loader)

    assert str(caught.value).startswith(f"javis.yaml:{place}")
    assert words in str(caught.value)


@pytest.mark.parametrize("secret", ["*canary", "&canary", "!canary", "!ca!nary x", "@canary", "'canary", '"\\canary"'])
@pytest.mark.parametrize("loader", LOADERS)
def test_syntax_error_never_repeats_the_text(loader: type[yaml.SafeLoader], secret: str) -> None:
    with pytest.raises(FileFaults) as caught:
        read_yaml(f"token: {secret}\nother: &x [*x]", "javis.yaml", loader)

    assert "canary" not in str(caught.value)
    assert "nary" not in str(caught.value)


def test_every_duplicate_key_is_told_with_its_first_place() -> None:
    assert faults_of("a: 1\nb:\n  c: 1\n  c: 2\na: 3\n") == [
        "javis.yaml:4:3: key 'c' stands here a second time; the first is in line 3",
        "javis.yaml:5:1: key 'a' stands here a second time; the first is in line 1",
    ]


def test_alias_stands_for_its_anchor_and_has_its_own_place() -> None:
    document = parse_document("a: &a {x: 1}\nb: *a\n", "javis.yaml")

    assert document.data == {"a": {"x": 1}, "b": {"x": 1}}
    assert document.position(["b"]) == (2, 4)


def test_alias_bomb_is_refused() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    bomb += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 30))

    assert "too many values" in faults_of(bomb)[0]


def test_value_that_holds_itself_is_refused() -> None:
    assert len(faults_of("a: &a [*a]")) == 1


@pytest.mark.parametrize("text", ["[" * 100_000, "{a: " * 5_000, "".join(f"{' ' * n}a:\n" for n in range(200))])
def test_deep_nesting_is_refused(text: str) -> None:
    assert "nested deeper than 40 levels" in faults_of(text)[0]


def test_json_with_tabs_and_paired_escapes_is_read(tmp_path: Path) -> None:
    data = {"name": "🤖 \\ud83e/\\", "list": [1, -2.5, True, None, "a\tb"], "empty": {}}
    file = tmp_path / "javis.json"
    file.write_text(json.dumps(data, indent="\t"), encoding="utf-8")

    document = load_document(file)

    assert document.data == data
    assert document.position(["list", 1]) == (5, 3)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(max_size=80), inside, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_what_json_writes_is_read_back(data: object) -> None:
    assert parse_document(json.dumps(data), "javis.json").data == data


@given(st.text(alphabet="ab:-[]{}'\"#&*!|>%@\n\t ,?01.", max_size=60))
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    faults: Sequence[Fault] = ()
    try:
        parse_document(text, "javis.yaml")
    except FileFaults as refusal:
        faults = refusal.faults

    assert all(fault.message and fault.line > 0 for fault in faults)


def test_missing_file_is_a_fault_without_a_line(tmp_path: Path) -> None:
    with pytest.raises(FileFaults) as caught:
        load_document(tmp_path / "none.yaml")

    assert str(caught.value) == f"{tmp_path / 'none.yaml'}: there is no such file"


def test_folder_in_place_of_a_file_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(FileFaults, match="cannot be read"):
        load_document(tmp_path)


def test_file_in_another_encoding_is_a_fault_at_its_first_byte(tmp_path: Path) -> None:
    file = tmp_path / "javis.yaml"
    file.write_bytes("a: 1\nb: 任務".encode("big5"))

    with pytest.raises(FileFaults, match=r"javis\.yaml:2:4: this is not UTF-8"):
        load_document(file)


def test_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    file = tmp_path / "javis.yaml"
    file.write_text("a: 1\n", encoding="utf-8-sig")

    assert load_document(file).data == {"a": 1}
