"""Reads bindings.yaml and tells all that is wrong in it, each with its line and what to write instead."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from routing.binding import Binding, Match, PeerPattern
from routing.document import Document, load_document, validate
from routing.entries import AgentEntry, FileEntry, MatchEntry
from routing.faults import Fault, FileFaults, nearest
from routing.table import Defaults

NUMERIC_CHANNELS: Final = frozenset({"telegram", "discord"})
"""Platforms whose ids are all numbers, so that anything else is surely a name."""

NAME_KEYS: Final = frozenset({"name", "username", "user", "nick", "nickname", "handle", "title", "display_name"})
"""Keys that people try in a match, and that no match may have."""

_NAMES_CHANGE: Final = "names can change hands"


@dataclass(frozen=True, slots=True)
class BindingsFile:
    """A file that is in order. `bindings` in the order of the file, each with its line."""

    agents: tuple[AgentEntry, ...]
    bindings: tuple[Binding, ...]
    defaults: Defaults


def load_bindings(path: Path) -> BindingsFile:
    """The file at `path`, YAML or JSON. Raises FileFaults with all that is wrong in it at once."""
    return read_bindings(load_document(path))


def read_bindings(document: Document) -> BindingsFile:
    """The same of a file that is read already. Raises FileFaults."""
    names = list(_name_keys(document))
    faults = [*names, *_faults_of_meaning(document)]
    try:
        entry = validate(document, FileEntry)
    except FileFaults as error:
        told = {(fault.line, fault.column) for fault in names}
        faults += [fault for fault in error.faults if (fault.line, fault.column) not in told]
        raise FileFaults(faults) from None
    if faults:
        raise FileFaults(faults)
    bindings = tuple(
        Binding(each.agent, _match(each.match), each.priority, document.position(("bindings", index))[0])
        for index, each in enumerate(entry.bindings)
    )
    defaults = Defaults(entry.defaults.agent, entry.defaults.dm_scope, entry.defaults.identity_links)
    return BindingsFile(tuple(entry.agents), bindings, defaults)


def _match(entry: MatchEntry) -> Match:
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
