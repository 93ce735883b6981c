"""Texts and events that the tests of a channel try."""

from collections.abc import Iterator, Mapping
from typing import Any

from channels.message import JsonObject


def long_texts() -> Iterator[tuple[str, list[str]]]:
    """Texts that no platform takes at once, each with words that must come through whole and in order."""
    numbers = range(600)
    yield " ".join(f"word{n}" for n in numbers), [f"word{n}" for n in numbers]
    yield "".join(f"第{n}句話說完了。" for n in numbers), [f"第{n}句話說完了。" for n in numbers]
    yield "\n".join(f"👨‍👩‍👧‍👦{n}👍🏽🇹🇼" for n in numbers), [f"👨‍👩‍👧‍👦{n}👍🏽🇹🇼" for n in numbers]
    yield (
        "\n\n".join(f"see https://example.org/{n}/a?b=c" for n in numbers),
        [f"https://example.org/{n}/a?b=c" for n in numbers],
    )
    code = "\n".join(f"print({n})" for n in numbers)
    yield f"Code:\n\n```python\n{code}\n```\n\nEnd.", [f"print({n})" for n in numbers]


def damaged(raw: JsonObject) -> Iterator[dict[str, Any]]:
    """`raw` again and again, each time with one value missing or of another kind."""
    for path in _paths(raw):
        for odd in (None, True, -1, 2**70, 1.5, "", "odd", [], [None], {}, {"id": "odd"}):
            yield _replaced(raw, path, odd)
    for key in raw:
        yield {name: value for name, value in raw.items() if name != key}
    yield {}


def _paths(value: object) -> Iterator[tuple[Any, ...]]:
    """The way to each value inside."""
    inner = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield (key,)
        yield from ((key, *path) for path in _paths(each))


def _replaced(value: Any, path: tuple[Any, ...], odd: object) -> Any:
    if not path:
        return odd
    copy = dict(value) if isinstance(value, Mapping) else list(value)
    copy[path[0]] = _replaced(value[path[0]], path[1:], odd)
    return copy
