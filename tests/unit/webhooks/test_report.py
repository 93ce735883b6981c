"""The body of a callback, whatever it is."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.tasks.store import Outcome
from bot.webhooks.report import Unreadable, read_report

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["choices", "message", "content", "usage", "model", "error", "status", "total_tokens"])
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_body_is_a_report_or_unreadable(body: bytes) -> None:
    try:
        outcome = read_report(body, "kimi")
    except Unreadable:
        return
    assert outcome is None or (outcome.output or "").strip() or outcome.state == "failed"


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ({"status": "running"}, None),
        ({"error": "no"}, Outcome("failed", error="runner_failed")),
        (
            {"choices": [{"message": {"content": ""}, "finish_reason": "content_filter"}]},
            Outcome("failed", error="model_refused"),
        ),
        (
            {"choices": [{"message": {"content": "yes"}}], "usage": "nonsense"},
            Outcome("succeeded", output="yes", answered_by="kimi"),
        ),
    ],
)
def test_what_a_runner_may_say(body: object, outcome: Outcome | None) -> None:
    assert read_report(json.dumps(body).encode(), "kimi") == outcome
