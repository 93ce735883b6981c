"""Reads bindings.yaml and tells all that is wrong in it, each with its line and what to write instead."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from routing.binding import Binding, Match, PeerPattern
from routing.document import Document, parse_document, read_text, validate
from routing.entries import AgentEntry, BindingEntry, FileEntry, MatchEntry
from routing.faults import Fault, FileFaults, nearest
from routing.first_match import as_bindings
from routing.foreign import Form, translate
from routing.notation import binding_data
from routing.table import Defaults
from routing.yaml_reader import Key, Place

NUMERIC_CHANNELS: Final = frozenset({"telegram", "discord"})
"""Platforms whose ids are all numbers, so that anything else is surely a name."""

NAME_KEYS: Final = frozenset({"name", "username", "user", "nick", "nickname", "handle", "title", "display_name"})
"""Keys that people try in a match, and that no match may have."""

_NAMES_CHANGE: Final = "names can change hands"


@dataclass(frozen=True, slots=True)
class BindingsFile:
    """A file that is in order. `bindings` in the order of the file, each with its line.

    `path` and `text` are where it was read and what is written there; None and empty: it was not read from a file.
    """

    agents: tuple[AgentEntry, ...]
    bindings: tuple[Binding, ...]
    defaults: Defaults
    path: Path | None = None
    text: str = field(default="", repr=False)
    form: Form | None = None
    """The other program's form in which its bindings are written; None: ours."""


def load_bindings(path: Path) -> BindingsFile:
    """The file at `path`, YAML or JSON. Raises FileFaults with all that is wrong in it at once."""
    text = read_text(path)
    return replace(read_bindings(parse_document(text, str(path))), path=path, text=text)


def read_bindings(document: Document) -> BindingsFile:
    """The same of a file that is read already. Raises FileFaults."""
    document, form = _in_our_form(document)
    names = list(_name_keys(document))
    faults = [*names, *_faults_of_meaning(document)]
    bindings, wrong = _bindings(document)
    entry = FileEntry()
    try:
        entry = validate(document, FileEntry, _without_bindings(document.data))
    except FileFaults as error:
        wrong += error.faults
    if faults or wrong:
        told = {(fault.line, fault.column) for fault in names}
        raise FileFaults([*faults, *(fault for fault in wrong if (fault.line, fault.column) not in told)])
    defaults = Defaults(entry.defaults.agent, entry.defaults.dm_scope, entry.defaults.identity_links)
    return BindingsFile(tuple(entry.agents), bindings, defaults, form=form)


def _bindings(document: Document) -> tuple[tuple[Binding, ...], list[Fault]]:
    """One at a time: the models of thousands at once would hold up a running bot when they are let go."""
    bindings: list[Binding] = []
    faults: list[Fault] = []
    for index, written in enumerate(_list(_mapping(document.data).get("bindings"))):
        loc = ("bindings", index)
        try:
            each = validate(document, BindingEntry, written, loc)
        except FileFaults as error:
            faults += error.faults
        else:
            bindings.append(Binding(each.agent, match_of(each.match), each.priority, document.position(loc)[0]))
    return tuple(bindings), faults


def _without_bindings(data: Any) -> Any:
    listed = isinstance(data, Mapping) and isinstance(data.get("bindings"), list)
    return {**data, "bindings": []} if listed else data


def _in_our_form(document: Document) -> tuple[Document, Form | None]:
    """The same file with its bindings as they would stand here; each has the place of what it was made from."""
    data = _mapping(document.data)
    agents = [_mapping(agent).get("id") for agent in _list(data.get("agents"))]
    default = _mapping(data.get("defaults")).get("agent", "main")
    foreign = translate(_list(data.get("bindings")), [id_ for id_ in agents if isinstance(id_, str)], str(default))
    if foreign is None:
        return document, None
    made = as_bindings(foreign.rules)
    spots = [document.position(("bindings", rule.place)) for rule, _ in made]
    inside: dict[Key, Place] = {index: Place(spot) for index, spot in enumerate(spots)}
    data = {**data, "bindings": [binding_data(binding) for _, binding in made]}
    place = Place(inside={"bindings": Place(document.position(("bindings",)), None, inside)})
    return Document(document.path, data, place), foreign.form


def match_of(entry: MatchEntry) -> Match:
    """The pattern that a binding's `match` describes."""
    return Match(
        channel=entry.channel,
        account=entry.account,
        peer=PeerPattern(entry.peer.kind, entry.peer.id),
        thread=entry.thread,
        guild=entry.guild,
        roles=frozenset(entry.roles or ()),
        sender=entry.sender,
    )


def _faults_of_meaning(document: Document) -> Iterator[Fault]:
    """What no type can tell. Looks at the data as written, so that it is told beside the faults of form."""
    file = _mapping(document.data)
    known: dict[str, int] = {}
    for index, agent in enumerate(_list(file.get("agents"))):
        id_ = _mapping(agent).get("id")
        if isinstance(id_, str) and known.setdefault(id_, index) != index:
            line, _ = document.position(("agents", known[id_]))
            yield document.fault(("agents", index, "id"), f"agent {id_!r} stands in line {line} already: rename one")
    defaults = _mapping(file.get("defaults"))
    yield from _unknown_agent(document, ("defaults", "agent"), defaults.get("agent", "main"), known)
    for index, binding in enumerate(_list(file.get("bindings"))):
        yield from _unknown_agent(document, ("bindings", index, "agent"), _mapping(binding).get("agent"), known)
        yield from _names_for_ids(document, ("bindings", index, "match"), _mapping(_mapping(binding).get("match")))
    yield from _links(document, _mapping(defaults.get("identity_links")))


def _unknown_agent(document: Document, loc: Sequence[str | int], agent: Any, known: Collection[str]) -> Iterator[Fault]:
    if not isinstance(agent, str) or agent in known:
        return
    near = nearest(agent, known)
    remedy = f"did you mean {near!r}?" if near else f"add it under `agents`, as - {{id: {agent}}}"
    yield document.fault(loc, f"unknown agent {agent!r}: {remedy}")


def _name_keys(document: Document) -> Iterator[Fault]:
    """Keys of matches that mean a name."""
    for index, binding in enumerate(_list(_mapping(document.data).get("bindings"))):
        match = _mapping(_mapping(binding).get("match"))
        locs = [("bindings", index, "match", key) for key in match]
        inner = [("bindings", index, "match", "peer", key) for key in _mapping(match.get("peer"))]
        for loc in (*locs, *inner):
            if loc[-1] in NAME_KEYS:
                words = f"{loc[-1]!r} is no id: {_NAMES_CHANGE}, a match takes the platform's immutable ids only"
                yield document.fault(loc, words, of_key=True)


def _names_for_ids(document: Document, loc: tuple[str | int, ...], match: Mapping[str, Any]) -> Iterator[Fault]:
    """Names where an id should be, in the match at `loc`."""
    values: list[tuple[tuple[str | int, ...], Any]] = [
        (("thread",), match.get("thread")),
        (("guild",), match.get("guild")),
        (("sender",), match.get("sender")),
        (("peer", "id"), _mapping(match.get("peer")).get("id")),
        *((("roles", index), role) for index, role in enumerate(_list(match.get("roles")))),
    ]
    for place, value in values:
        if isinstance(value, str) and _is_name(value, match.get("channel")):
            remedy = f"{_NAMES_CHANGE}, write the platform's immutable id"
            yield document.fault((*loc, *place), f"{value!r} is a name, not an id: {remedy}")


def _is_name(text: str, channel: Any) -> bool:
    if isinstance(channel, str) and channel in NUMERIC_CHANNELS:
        return text.strip() not in {"", "*"} and not re.fullmatch(r"-?[0-9]+", text)
    # A handle has no colon; ids of federated networks may read @person:server.
    return bool(re.fullmatch(r"[@#][^:]*|\S+\s.*\S", text))


def _links(document: Document, links: Mapping[str, Any]) -> Iterator[Fault]:
    owners: dict[str, str] = {}
    for person, ids in links.items():
        for index, linked in enumerate(_list(ids)):
            if isinstance(linked, str):
                owner = owners.setdefault(linked.lower(), person)
                for problem in _link_problems(linked, owner, person):
                    yield document.fault(("defaults", "identity_links", person, index), problem)


def _link_problems(linked: str, owner: str, person: str) -> Iterable[str]:
    channel, _, id_ = linked.partition(":")
    if not channel or not id_:
        yield f"{linked!r} must read <channel>:<id>, as telegram:123"
    elif _is_name(id_, channel):
        yield f"{linked!r} has a name, not an id: {_NAMES_CHANGE}, write the platform's immutable id"
    elif owner != person:
        yield f"{linked!r} is linked to {owner!r} already: an id is one person's"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()
