"""Markdown as plain text with entities over it, in the form of Telegram, which no server can fail to parse.

https://core.telegram.org/bots/api#messageentity
"""

import re
from bisect import bisect
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from channels.fences import find_fences
from channels.utf16 import utf16_length

AT_ONCE: Final = 16_000  # characters
_BLANK_LINE: Final = re.compile(r"\n[ \t]{0,9}\n")
_MARKUP: Final = re.compile(r"[*_`~\[\\&|$]|^ {0,3}[#>+=-]|^(?: {4}|\t)", re.MULTILINE)
_SIGN: Final = re.compile(r"[\\*_`~\[\]|&$]")
_KINDS: Final = frozenset(
    {"bold", "italic", "underline", "strikethrough", "spoiler", "blockquote", "expandable_blockquote", "code", "pre"}
)
_SCHEMES: Final = frozenset({"http", "https", "mailto"})  # tg://user would mention people, javascript: needs no word

# The library drops HTML with what it encloses and definitions of links that nobody uses, and reads a run of dollars as
# formulas without content. All of them stand for themselves here; until it has done its work, noncharacters
# (https://www.unicode.org/faq/private_use.html#noncharacters) keep their places.
_LITERAL: Final = re.compile(
    r"<(?!(?:https?://|mailto:)[^\s<>]+>)|\${3,}|^[ >]{0,9}\[(?=[^\]]{1,999}\]:(?!\s*<?https?://))", re.MULTILINE
)
_TO_GUARD: Final = str.maketrans({"<": "\ufdd0", "$": "\ufdd1", "[": "\ufdd2"})
_FROM_GUARD: Final = str.maketrans({"\ufdd0": "<", "\ufdd1": "$", "\ufdd2": "["})


def has_markup(text: str) -> bool:
    """False when `text` certainly reads the same in markdown and plain."""
    return _MARKUP.search(text) is not None


def escape_markdown(text: str) -> str:
    """Markdown that shows the lines of `text` as they are, if none begins with a sign of markdown."""
    return _SIGN.sub(r"\\\g<0>", text)


def convert_markdown(source: str) -> tuple[str, list[dict[str, Any]]]:
    """The text that is shown, and its entities; `source` itself where nothing visible would be left of it.

    The parser's cost can grow with the square of the length, so a long text is read paragraphs by paragraphs.
    """
    if len(source) <= AT_ONCE:
        return _convert(source)
    text, entities = "", list[dict[str, Any]]()
    for block in _blocks(source):
        shown, found = _convert(block) if len(block) <= AT_ONCE else (block, [])
        offset = utf16_length(text) + 2 * bool(text)
        entities += [each | {"offset": each["offset"] + offset} for each in found]
        text += f"\n\n{shown}" if text else shown
    return text, entities


def _blocks(source: str) -> Iterator[str]:
    """`source` cut at blank lines outside of code, each piece as long as AT_ONCE allows."""
    fences, start, last = list(find_fences(source)), 0, 0
    openings = [fence.start for fence in fences]
    for blank in _BLANK_LINE.finditer(source):
        before = bisect(openings, blank.start())
        if before and blank.start() < fences[before - 1].end:
            continue
        if blank.start() - start > AT_ONCE and last > start:
            yield source[start:last].strip("\n")
            start = last
        last = blank.end()
    if len(source) - start > AT_ONCE and last > start:
        yield source[start:last].strip("\n")
        start = last
    yield source[start:].strip("\n")


def _convert(source: str) -> tuple[str, list[dict[str, Any]]]:
    # Imported with the first text that needs it: it costs time and memory that a plain answer can spare.
    from telegramify_markdown import RenderConfig, convert  # noqa: PLC0415

    config = RenderConfig.isolated()
    for level in range(1, 5):
        setattr(config.markdown_symbol, f"heading_level_{level}", "")
    config.markdown_symbol.unordered_list_item = "•"
    config.markdown_symbol.task_completed, config.markdown_symbol.task_uncompleted = "☑", "☐"
    guarded = _LITERAL.sub(lambda match: match.group().translate(_TO_GUARD), source)
    text, found = convert(guarded, config=config)
    if not text.strip():
        return source, []
    entities = [entity for each in found if (entity := _entity(each.to_dict())) is not None]
    return text.translate(_FROM_GUARD), entities


def _entity(found: dict[str, Any]) -> dict[str, Any] | None:
    """The entity as Telegram gets it; None for one that is not to be shown."""
    shape = {"type": found["type"], "offset": found["offset"], "length": found["length"]}
    if found["type"] == "text_link":
        url = str(found.get("url", "")).translate(_FROM_GUARD)
        return shape | {"url": url} if _is_harmless(url) else None
    if found["type"] == "pre" and found.get("language"):
        return shape | {"language": str(found["language"]).translate(_FROM_GUARD)}
    return shape if found["type"] in _KINDS else None


def _is_harmless(url: str) -> bool:
    try:
        return urlsplit(url).scheme in _SCHEMES
    except ValueError:
        return False
