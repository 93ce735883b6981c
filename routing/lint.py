"""What is wrong with bindings that can be read: above all those that can never decide."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

from routing.address import PeerKind
from routing.binding import Binding, Match, PeerPattern
from routing.explain import describe
from routing.file import BindingsFile

IdKind = Literal["peer", "thread", "guild", "sender", "role"]
IdProblem = Callable[[str, IdKind, str], str | None]
"""(channel, kind of id, id) → why such an id cannot occur there, in a few words; None: it can."""

_Holders = Mapping[Match, tuple[int, Binding]]
"""For each match, taken for one role at a time, the binding that decides among those that have it, and its rank."""

_PEER_KINDS: Final[tuple[PeerKind, ...]] = get_args(PeerKind)
_TOPIC_ALONE: Final = "Telegram numbers topics anew in each chat, so this is one topic of every chat: add peer.id"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is surely (`error`) or probably (`warning`) not meant. `line` None: in no line of the file."""

    line: int | None
    severity: Literal["error", "warning"]
    message: str


def lint(file: BindingsFile, id_problem: IdProblem) -> list[Finding]:
    """What to mend, in the order of the file: unknown agents, ids that cannot occur, bindings that never decide.

    A binding that is called duplicate, shadowed or unreachable here wins no address at all.
    """
    agents = {agent.id for agent in file.agents}
    holders = _holders(file.bindings)
    findings = [] if file.defaults.agent in agents else [Finding(None, "error", _unknown(file.defaults.agent))]
    for binding in file.bindings:
        if binding.agent not in agents:
            findings.append(Finding(binding.line, "error", _unknown(binding.agent)))
        findings += [Finding(binding.line, "error", problem) for problem in _id_problems(binding.match, id_problem)]
        idle = _contradiction(binding.match) or _overruled(binding, holders)
        if idle is not None:
            findings.append(Finding(binding.line, "error", idle))
        if binding.match.channel == "telegram" and binding.match.thread and binding.match.peer.id is None:
            findings.append(Finding(binding.line, "warning", _TOPIC_ALONE))
    return findings


def _unknown(agent: str) -> str:
    return f"unknown agent {agent!r}: add it under `agents`, or name one that is there"


def _id_problems(match: Match, id_problem: IdProblem) -> Iterator[str]:
    if match.channel is None:
        return
    ids: list[tuple[IdKind, str | None]] = [
        ("peer", match.peer.id),
        ("thread", match.thread),
        ("guild", match.guild),
        ("sender", match.sender),
    ]
    ids += [("role", role) for role in sorted(match.roles)]
    for kind, id_ in ids:
        problem = None if id_ is None else id_problem(match.channel, kind, id_)
        if problem is not None:
            yield f"{kind} {id_!r} cannot occur in {match.channel}: {problem}"


def _contradiction(match: Match) -> str | None:
    """Why no message can ever fit; None: one can."""
    if match.peer.kind == "direct" and (match.guild is not None or match.roles):
        return "unreachable: a direct chat is in no guild and knows no roles"
    if match.peer.kind == "direct" and match.peer.id is not None and match.sender not in {None, match.peer.id}:
        return "unreachable: in a direct chat peer.id is the sender's id, and sender is another"
    return None


def _overruled(binding: Binding, holders: _Holders) -> str | None:
    """Why others always decide before `binding` does; None: not always."""
    rivals: list[Binding] = []
    for match in _single_role(binding.match):
        before = _deciding_before(binding, match, holders)
        if not before:
            return None
        rivals += before
    if rivals[0].match == binding.match:
        return f"duplicate: {describe(rivals[0])} has the same match and decides"
    return f"shadowed, others always decide before it: {'; '.join(describe(rival) for rival in rivals)}"


def _deciding_before(binding: Binding, match: Match, holders: _Holders) -> Sequence[Binding]:
    """Those that take all messages of `match` (`binding`'s, for one of its roles); none: some are left to it."""
    rank, holder = holders[match]
    if holder is not binding:
        return [holder]
    if match.peer.kind is not None:
        return []
    by_kind = [replace(match, peer=PeerPattern(kind, match.peer.id)) for kind in _PEER_KINDS]
    rivals = [holders.get(each, (rank, binding)) for each in by_kind if _contradiction(each) is None]
    return [rival for _, rival in rivals] if all(other < rank for other, _ in rivals) else []


def _holders(bindings: Sequence[Binding]) -> _Holders:
    holders: dict[Match, tuple[int, Binding]] = {}
    for rank, binding in enumerate(sorted(bindings, key=lambda binding: binding.standing)):
        for match in (binding.match, binding.match.as_thread, _same_in_direct_chats(binding.match)):
            for single in () if match is None else _single_role(match):
                holders.setdefault(single, (rank, binding))
    return holders


def _same_in_direct_chats(match: Match) -> Match | None:
    """The direct chat alone, where the match names its person as the sender too."""
    if match.peer.id is None or match.peer.id != match.sender or match.peer.kind not in {None, "direct"}:
        return None
    return replace(match, peer=PeerPattern("direct", match.peer.id), sender=None)


def _single_role(match: Match) -> Sequence[Match]:
    return [replace(match, roles=frozenset({role})) for role in sorted(match.roles)] or [match]
