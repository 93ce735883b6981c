"""JSON text that every database and platform takes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.json_text import compact_json, read_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_what_is_written_is_read_again(value: object) -> None:
    assert read_json(compact_json(value)) == value == json.loads(compact_json(value))


def test_half_of_a_surrogate_pair_is_written_as_the_sign_for_no_character() -> None:
    assert compact_json({"text": "a\ud800"}) == '{"text":"a\ufffd"}'


def test_half_of_a_surrogate_pair_in_an_answer_hides_nothing_of_it() -> None:
    assert read_json(b'{"text": "\\ud800", "id": 7}') == {"text": "\ud800", "id": 7}


def test_what_json_cannot_say_is_refused() -> None:
    with pytest.raises(TypeError):
        compact_json({"what": object()})


@pytest.mark.parametrize("text", ["", "{", b"\xff", "[1,]"])
def test_what_is_no_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_json(text)
