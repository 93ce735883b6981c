"""The YAML parser's complaints in plain words.

Its own words speak of tokens, differ between its two parsers, and may repeat a piece of the text, which may be a
secret; so each is recognised by what both parsers say and told anew.
"""

from typing import Any, Final

import yaml

_TAB: Final = "a tab stands here: use spaces"

# The first whose words all stand in the complaint holds. Those of the second group tell where something was opened.
_AT_THE_SPOT: Final = (
    ("tab character", _TAB),
    ("cannot start any token", "a text that begins with % @ or ` must stand in quotes"),
    ("mapping values are not allowed", "no colon is expected here: put the text in quotes, or mend the indentation"),
    ("escape", "this backslash means nothing in double quotes: use single quotes"),
    ("indentation indicator", "after | or > nothing but a comment may stand"),
    ("block scalar", "after | or > nothing but a comment may stand"),
    ("unexpected ':'", "a space is missing after the colon"),
    ("could not find expected ':'", "a colon is missing after this key"),
    ("expected alphabetic", "a value that begins with & or * must stand in quotes"),
    ("tag", "a text that begins with ! must stand in quotes"),
    ("directive", "a line must not begin with %"),
)
_AT_THE_OPENING: Final = (
    ("quoted scalar", "a quotation mark is opened here and never closed"),
    ("flow sequence", "the list that is opened here with [ is not well formed: commas between, ] at the end"),
    ("flow mapping", "the mapping that is opened here with { is not well formed: commas between, } at the end"),
)


def plain_words(error: yaml.MarkedYAMLError, text: str) -> tuple[Any, str]:
    """The parser's mark (line and column from 0) and what to say of it."""
    mark = error.problem_mark
    if mark is not None and _character(text, mark) == "\t":
        return mark, _TAB
    complaint = f"{error.context} {error.problem}".casefold()
    for sign, words in _AT_THE_SPOT:
        if sign in complaint:
            return error.problem_mark, words
    for sign, words in _AT_THE_OPENING:
        if sign in complaint:
            return error.context_mark, words
    if "block" in complaint:
        return error.problem_mark, "the indentation does not fit the lines above"
    return error.problem_mark or error.context_mark, "this is not valid YAML"


def _character(text: str, mark: Any) -> str:
    lines = text.splitlines()
    return lines[mark.line][mark.column : mark.column + 1] if mark.line < len(lines) else ""
