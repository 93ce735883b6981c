"""The file that `--env-file` names: environment variables, one a line.

# a comment
NAME=value
export NAME='taken as it is'   # a comment
NAME="with \\n, \\" and \\\\"
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from routing.document import Fault, FileFaults, read_text

_LINE: Final = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=[ \t]*(.*?)\s*")
_SINGLE: Final = re.compile(r"'([^']*)'(?:\s*|\s+#.*)")
_DOUBLE: Final = re.compile(r'"((?:[^"\\]|\\.)*)"(?:\s*|\s+#.*)')
_COMMENT: Final = re.compile(r"(?:^|\s+)#.*")
_ESCAPE: Final = re.compile(r"\\(.)")
_ESCAPED: Final = {"n": "\n", "r": "\r", "t": "\t"}


def read_env_file(path: Path) -> dict[str, str]:
    """The variables of `path`. Raises FileFaults with everything that is wrong; no fault repeats a value."""
    values: dict[str, str] = {}
    lines: dict[str, int] = {}
    faults: list[Fault] = []
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _LINE.fullmatch(line)
        if found is None:
            faults.append(Fault(str(path), number, 1, "write NAME=value"))
            continue
        name, written = found.groups()
        value = _value(written)
        if value is None:
            faults.append(Fault(str(path), number, found.start(2) + 1, f"the quotes of {name} are not closed properly"))
        if name in lines:
            words = f"{name} stands here a second time; the first is in line {lines[name]}"
            faults.append(Fault(str(path), number, found.start(1) + 1, words))
        lines.setdefault(name, number)
        values[name] = value or ""
    if faults:
        raise FileFaults(faults)
    return values


def with_values(text: str, values: Mapping[str, str]) -> str:
    """The text of such a file with `values` set in it: lines that set one are replaced in place, new ones follow."""
    left = {name: f"{name}={_quoted(value)}" for name, value in values.items()}
    lines = []
    for line in text.splitlines():
        found = _LINE.fullmatch(line)
        lines.append(left.pop(found[1], line) if found else line)
    return "\n".join([*lines, *left.values()]) + "\n"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'


def _value(written: str) -> str | None:
    """None for quotes that do not close, or with something behind them."""
    if written.startswith("'"):
        found = _SINGLE.fullmatch(written)
        return found and found[1]
    if written.startswith('"'):
        found = _DOUBLE.fullmatch(written)
        return found and _ESCAPE.sub(lambda escape: _ESCAPED.get(escape[1], escape[1]), found[1])
    return _COMMENT.sub("", written, count=1)
