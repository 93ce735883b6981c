"""The one list of reason codes: complete, explained, written down."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from bot.providers.reason import FailureReason
from bot.reasons import Reason, meaning_of

ROOT = Path(__file__).parents[3]


def test_the_document_lists_every_code_with_its_meaning() -> None:
    lines = (ROOT / "docs" / "trace.md").read_text(encoding="utf-8").splitlines()
    table = [line for line in lines if line.startswith("| `")]
    assert table == [f"| `{reason.value}` | {reason.meaning} |" for reason in Reason]


@pytest.mark.parametrize("reason", get_args(FailureReason))
def test_every_failure_of_a_model_is_a_reason(reason: str) -> None:
    assert Reason(reason).meaning


@pytest.mark.parametrize("text", [None, "", "nonsense", "Expired", "refusedly: x"])
def test_an_unknown_reason_has_no_meaning(text: str | None) -> None:
    assert meaning_of(text) is None


def test_what_follows_a_code_does_not_hide_it() -> None:
    assert meaning_of("refused: HTTP 400: no such chat") == Reason.REFUSED.meaning


def reasons_in(path: Path) -> Iterator[str]:
    """The text with which each verdict of the delivery policy, and each end of a row, begins."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name | ast.Attribute):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
        if name in {"Dead", "Held", "Closed", "_never"} and node.args:
            yield from _text(node.args[0])
        for keyword in node.keywords:
            if name == "Again" and keyword.arg == "reason":
                yield from _text(keyword.value)


def _text(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.JoinedStr):
        node = node.values[0]
    if isinstance(node, ast.BoolOp):
        for each in node.values:
            yield from _text(each)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value


@pytest.mark.parametrize("module", ["delivery/policy.py", "delivery/sender.py"])
def test_every_verdict_on_a_delivery_has_a_known_code(module: str) -> None:
    found = set(reasons_in(ROOT / "bot" / module))
    assert found
    assert all(meaning_of(text) is not None for text in found), found


def test_every_code_is_given_by_somebody() -> None:
    """A code that nothing gives explains nothing; one that stands as plain text may be misspelt."""
    files = [*(ROOT / "bot").rglob("*.py"), *(ROOT / "bot").rglob("*.sql")]
    source = "\n".join(path.read_text(encoding="utf-8") for path in files if path.name != "reasons.py")
    unused = [
        reason
        for reason in Reason
        if f"Reason.{reason.name}" not in source and not re.search(rf"[\"']{reason.value}([\"']|:)", source)
    ]
    assert not unused


def test_the_road_gives_no_reason_that_is_not_in_the_list() -> None:
    """What ends an inbox row names its reason by the enumeration, never by a text of its own."""
    for path in [*(ROOT / "bot" / "pipeline").glob("*.py"), ROOT / "bot" / "inbox.py"]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if node.func.attr in {"_ending", "finish", "_refuse", "_give_up"}:
                texts = [each for argument in node.args for each in _text(argument)]
                assert set(texts) <= {"done", "refused", "quarantined"}, (path.name, node.lineno, texts)
