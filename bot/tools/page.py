"""What a web page says, without its markup: HTML to plain text. Pure."""

import codecs
import re
from collections.abc import Iterator
from typing import Final

from lxml import etree, html

_OF_PAGES: Final = re.compile(r"ascii|utf-(8|16).*|iso.*|cp\d+|koi8.*|mac.*|tis-620|big5.*|gb.*|hz|euc_.*|shift_jis.*")
"""Codecs by Python's names."""
_SILENT: Final = frozenset(
    ("script", "style", "noscript", "template", "svg", "canvas", "iframe", "object", "head", "nav", "footer", "form")
)
_BLOCKS: Final = frozenset(
    ("p", "div", "section", "article", "main", "header", "aside", "ul", "ol", "li", "dl", "dt", "dd", "table", "tr")
) | frozenset(("h1", "h2", "h3", "h4", "h5", "h6", "br", "hr", "blockquote", "pre"))


def page_text(body: bytes, encoding: str | None) -> tuple[str, str]:
    """(title, text) of an HTML page; both empty for what holds none. `encoding` as the server named it."""
    try:
        parser = _parser(_known(encoding))
    except LookupError:  # Python knows it, the parser does not
        parser = _parser(None)
    try:
        root = html.document_fromstring(body, parser=parser)
    except (etree.ParserError, ValueError):
        return "", ""
    title = " ".join((root.findtext(".//title") or "").split())
    lines = "".join(_pieces(root)).split("\n")
    plain = (" ".join(line.split()) for line in lines)
    return title, "\n".join(line for line in plain if line)


def decoded(body: bytes, encoding: str | None) -> str:
    """Plain text in the encoding that the server named, UTF-8 otherwise."""
    return body.decode(_known(encoding) or "utf-8", "replace")


def _pieces(root: html.HtmlElement) -> Iterator[str]:
    """The text in its order; a block stands on lines of its own."""
    silent = 0
    for event, element in etree.iterwalk(root, events=("start", "end")):
        if not isinstance(element.tag, str):
            continue
        is_silent, is_block = element.tag in _SILENT, element.tag in _BLOCKS
        if event == "start":
            silent += is_silent
            if is_block:
                yield "\n- " if element.tag == "li" else "\n"
            if not silent and element.text:
                yield element.text.replace("\n", " ")
            continue
        silent -= is_silent
        if is_block:
            yield "\n"
        if not silent and element.tail:
            yield element.tail.replace("\n", " ")


def _parser(encoding: str | None) -> html.HTMLParser:
    return html.HTMLParser(encoding=encoding, remove_comments=True, remove_pis=True, huge_tree=False)


def _known(encoding: str | None) -> str | None:
    """None for what no page is written in: some of Python's codecs take minutes for a body that is made for them."""
    try:
        name = codecs.lookup(encoding or "").name
    except (LookupError, ValueError):
        return None
    return encoding if _OF_PAGES.fullmatch(name) else None
