"""Signatures of our own and of the library's, and everything that is none."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from channels.signature import is_signed_by, is_timely, key_problem, new_key, read_signed, sign

KEY: Final = new_key()
OTHER: Final = new_key()
NOW: Final = datetime(2026, 5, 1, 12, tzinfo=UTC)
BODY: Final = json.dumps({"text": "你好"}, ensure_ascii=False)


def _believed(headers: dict[str, str], body: str = BODY, keys: tuple[str, ...] = (KEY,)) -> bool:
    signed = read_signed(headers)
    return signed is not None and is_signed_by(keys, signed, body.encode())


def test_a_message_of_the_library_is_believed() -> None:
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(NOW.timestamp())),
        "webhook-signature": Webhook(KEY).sign("msg_1", NOW, BODY),
    }
    assert _believed(headers)
    signed = read_signed(headers)
    assert signed is not None
    assert (signed.id, signed.sent) == ("msg_1", NOW)


def test_the_library_believes_ours_with_either_key_while_one_takes_the_others_place() -> None:
    headers = sign([KEY, OTHER], "msg_1", datetime.now(UTC), BODY)
    for key in (KEY, OTHER):
        assert Webhook(key).verify(BODY, headers) == json.loads(BODY)


def test_either_of_two_keys_is_believed_and_a_third_is_not() -> None:
    for key in (KEY, OTHER):
        assert _believed(sign([key], "1", NOW, BODY), keys=(KEY, OTHER))
    assert not _believed(sign([new_key()], "1", NOW, BODY), keys=(KEY, OTHER))


@pytest.mark.parametrize(
    "changed",
    [
        {"webhook-id": "msg_2"},
        {"webhook-timestamp": str(int(NOW.timestamp()) + 1)},
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "v1a,AAAA"},
        {"webhook-signature": "v1,簽名"},
        {"webhook-signature": ""},
        {"webhook-id": ""},
        {"webhook-id": "a.b"},
        {"webhook-id": "a" * 257},
        {"webhook-timestamp": ""},
        {"webhook-timestamp": "-1"},
        {"webhook-timestamp": "1e9"},
        {"webhook-timestamp": "9" * 40},
        {"webhook-timestamp": "１７７７６３６８００"},
    ],
)
def test_a_message_with_one_header_changed_is_not_believed(changed: dict[str, str]) -> None:
    assert not _believed(sign([KEY], "msg_1", NOW, BODY) | changed)


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_message_without_one_of_the_headers_is_not_believed(missing: str) -> None:
    headers = sign([KEY], "msg_1", NOW, BODY)
    del headers[missing]
    assert not _believed(headers)


def test_a_changed_body_is_not_believed() -> None:
    headers = sign([KEY], "msg_1", NOW, BODY)
    assert not _believed(headers, body=BODY + " ")
    signed = read_signed(headers)
    assert signed is not None
    assert not is_signed_by([KEY], signed, b"\xff")


def test_a_signature_of_the_right_version_among_others_counts() -> None:
    headers = sign([KEY], "msg_1", NOW, BODY)
    headers["webhook-signature"] = f"v2,xyz v1a,AAAA {headers['webhook-signature']}"
    assert _believed(headers)


def test_a_flood_of_signatures_is_not_read() -> None:
    headers = sign([KEY], "msg_1", NOW, BODY)
    headers["webhook-signature"] = " ".join(["v1,AAAA"] * 100 + [headers["webhook-signature"]])
    assert not _believed(headers)


@pytest.mark.parametrize(("seconds", "timely"), [(-301, False), (-300, True), (0, True), (300, True), (301, False)])
def test_five_minutes_either_way_are_timely(seconds: int, timely: bool) -> None:  # noqa: FBT001
    signed = read_signed(sign([KEY], "1", NOW + timedelta(seconds=seconds), BODY))
    assert signed is not None
    assert is_timely(signed, NOW) is timely


@pytest.mark.parametrize("key", ["", "whsec_", "whsec_c2hvcnQ=", "not base64!", base64.b64encode(bytes(31)).decode()])
def test_a_key_that_can_be_guessed_is_a_problem(key: str) -> None:
    problem = key_problem(key)
    assert problem is not None
    assert "openssl rand -base64 32" in problem


def test_a_new_key_is_good_and_never_the_same() -> None:
    assert key_problem(new_key()) is None
    assert key_problem(new_key().removeprefix("whsec_")) is None
    assert new_key() != new_key()


@given(st.dictionaries(st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]), st.text()))
def test_no_header_a_stranger_may_send_raises_or_is_believed(headers: dict[str, str]) -> None:
    assert not _believed(headers)
