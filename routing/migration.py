"""Rewrites bindings of OpenClaw and claw0 in our form: every decision stays, and what changes is told."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

from routing.binding import Binding
from routing.document import Document, parse_document, validate
from routing.entries import FileEntry
from routing.errors import CannotEdit
from routing.explain import describe
from routing.faults import FileFaults
from routing.file import read_bindings
from routing.first_match import as_bindings
from routing.foreign import Form, form_of, translate
from routing.notation import binding_data, in_one_line
from routing.pieces import Piece, line_end, newline, read_pieces
from routing.surgery import delete_binding

_AGENT_KEYS: Final = ("id", "name", "model", "workspace")
_COMMENT: Final = re.compile(r"[ \t]+(#[^\r\n]*)")


@dataclass(frozen=True, slots=True)
class Migration:
    """The new text, and a line for people about each change. `form` None: nothing is in another form."""

    text: str
    changes: Sequence[str]
    form: Form | None


def migrate(text: str, path: str, target: str | None = None) -> Migration:
    """What a file says, in our form, as `target` (None: the file itself) is to have it.

    Comments stay where only the bindings of a YAML file were in another form. Raises FileFaults for a file that has
    other faults, CannotEdit for one that mixes forms.
    """
    document = parse_document(text, path)
    data = document.data if isinstance(document.data, Mapping) else {}
    bindings = data.get("bindings")
    if not isinstance(bindings, list) or not any(map(form_of, bindings)):
        read_bindings(document)
        return Migration(text, (), None)
    own = _is_ours(document)
    agents, default_agent = (_ids(data.get("agents")), _default(data)) if own else _their_agents(data)
    foreign = translate(bindings, agents, default_agent)
    if foreign is None:
        raise CannotEdit(f"{path}: bindings in several forms stand side by side: keep one form, then migrate")
    made = as_bindings(foreign.rules)
    by_place: dict[int, list[Binding]] = {}
    for rule, binding in made:
        by_place.setdefault(rule.place, []).append(binding)
    target = path if target is None else target
    if own and not path.endswith(".json") and not target.endswith(".json"):
        new = _in_place(text, len(bindings), by_place)
    else:
        whole = data if own else _ours(data, foreign.form, default_agent)
        new = _anew({**whole, "bindings": [binding_data(binding) for _, binding in made]}, path, target, foreign.form)
    read_bindings(parse_document(new, target))
    lines = [document.position(("bindings", place))[0] for place in range(len(bindings))]
    notes = [f"{path}:{lines[place]}: {note}" for place, note in foreign.notes]
    return Migration(new, [*_told(path, lines, by_place), *notes], foreign.form)


def _told(path: str, lines: Sequence[int], by_place: Mapping[int, Sequence[Binding]]) -> Iterator[str]:
    for place, line in enumerate(lines):
        became = " + ".join(describe(replace(binding, line=None)) for binding in by_place.get(place, ()))
        yield f"{path}:{line}: → {became or 'left out: it never decided'}"


def _is_ours(document: Document) -> bool:
    """True where everything but the bindings is in our form."""
    data = {key: value for key, value in document.data.items() if key != "bindings"}
    try:
        validate(document, FileEntry, data)
    except FileFaults:
        return False
    return True


def _in_place(text: str, count: int, by_place: Mapping[int, Sequence[Binding]]) -> str:
    """Each binding where the one stood that it comes from, last first, so that the places before stay."""
    for place in reversed(range(count)):
        made = [in_one_line(binding_data(binding)) for binding in by_place.get(place, ())]
        text = _replaced(text, place, made) if made else delete_binding(text, place)
    return text


def _replaced(text: str, place: int, made: Sequence[str]) -> str:
    root = read_pieces(text)
    bindings = None if root is None else root.value("bindings")
    if bindings is None or bindings.items[place].kind == "alias":
        raise CannotEdit("an alias (*) stands for a binding: write it out first")
    item = bindings.items[place]
    if bindings.flow:
        return text[: item.start] + ", ".join(made) + text[item.end :]
    margin, end = " " * bindings.column, newline(text)
    tail = item.start + len(text[item.start : item.tail].rstrip())
    after = line_end(text, tail)
    rest = "".join(f"{margin}- {each}{end}" for each in made[1:])
    line = text[tail:after]
    if rest and not line.endswith("\n"):
        line, rest = line + end, rest.removesuffix(end)
    comments = "".join(f"{comment}{end}{margin}  " for comment in _comments(text, item))
    return text[: item.start] + comments + made[0] + line + rest + text[after:]


def _comments(text: str, item: Piece) -> Iterator[str]:
    """Those behind the values of a binding, but for the last, and those between its lines."""
    leaves = [leaf for leaf in _leaves(item) if leaf.end <= item.tail]
    for leaf, following in pairwise(leaves):
        between = text[leaf.end : following.start]
        yield from (found[1].rstrip() for found in _COMMENT.finditer(between.replace("\n", "\n ")))


def _leaves(piece: Piece) -> Iterator[Piece]:
    if not piece.items:
        yield piece
    for inner in piece.items:
        yield from _leaves(inner)


def _anew(data: Mapping[str, Any], path: str, target: str, form: Form) -> str:
    """A whole file, with a line for each agent and each binding."""
    if target.endswith(".json"):
        return json.dumps(data, ensure_ascii=False, indent=2) + "\n"
    lines = [f"# Made of {path.rpartition('/')[2]}, which was in the form of {form}."]
    for key, value in data.items():
        if isinstance(value, list) and value:
            lines += [f"{key}:", *(f"  - {in_one_line(each)}" for each in value)]
        else:
            lines.append(f"{key}: {in_one_line(value)}")
    return "\n".join(lines) + "\n"


def _ours(data: Mapping[str, Any], form: Form, default_agent: str) -> dict[str, Any]:
    """What a whole file of theirs says besides its bindings."""
    session, own = _mapping(data.get("session")), _mapping(data.get("defaults"))
    scope = data.get("dm_scope") or session.get("dmScope") or own.get("dm_scope")
    links = session.get("identityLinks") or own.get("identity_links")
    defaults = {"agent": default_agent, "dm_scope": scope or ("main" if form == "OpenClaw" else "per-peer")}
    if links:
        defaults["identity_links"] = links
    agents = [{key: agent[key] for key in _AGENT_KEYS if agent.get(key)} for agent in _agents(data.get("agents"))]
    agents = [{**agent, "id": str(agent["id"]).lower()} for agent in agents]
    return {"defaults": defaults, "agents": agents or [{"id": default_agent}]}


def _their_agents(data: Mapping[str, Any]) -> tuple[list[str], str]:
    """The ids of a file of theirs, and the agent that answers where nothing fits."""
    agents = _agents(data.get("agents"))
    ids = [str(agent["id"]).lower() for agent in agents]
    marked = (id_ for id_, agent in zip(ids, agents, strict=True) if agent.get("default") is True)
    is_openclaw = any(form_of(binding) == "OpenClaw" for binding in data["bindings"])
    first = ids[0] if ids and (is_openclaw or "main" not in ids) else "main"
    default = str(data.get("default_agent") or next(marked, first))
    return ids or [default], default


def _agents(value: Any) -> list[Mapping[str, Any]]:
    """Agents as a list, as `{list: […]}`, or as `{entries: {<id>: {…}}}`."""
    if isinstance(value, Mapping):
        entries = value.get("entries")
        if isinstance(entries, Mapping):
            return [{"id": id_, **_mapping(entry)} for id_, entry in entries.items()]
        value = value.get("list")
    listed = value if isinstance(value, list) else ()
    return [agent for agent in listed if isinstance(agent, Mapping) and agent.get("id")]


def _ids(agents: Any) -> list[str]:
    return [str(agent["id"]) for agent in _agents(agents)]


def _default(data: Mapping[str, Any]) -> str:
    return str(_mapping(data.get("defaults")).get("agent", "main"))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
