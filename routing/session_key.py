"""Session keys: the name of one memory. Lower case, `agent:<agent>:` and then

    main                                        everybody's direct chats, scope `main`
    direct:<peer>                               scope `per-peer`
    <channel>:direct:<peer>                     scope `per-channel-peer`
    <channel>:<account>:direct:<peer>           scope `per-account-channel-peer`
    <channel>:group:<id>[:topic:<id>]
    <channel>:channel:<id>[:thread:<id>]
    cron:<job>   heartbeat   task:<id>          work that no message began

A `:` inside an id is written `%3a` (and `%` as `%25`), so that no id can pass for a part of the key.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from typing_extensions import override

from routing.address import Address
from routing.errors import InvalidSessionKey, NoSender

DmScope = Literal["main", "per-peer", "per-channel-peer", "per-account-channel-peer"]
"""Who shares a memory in direct chats: all, a person's every channel, each channel, each account of a channel."""

SessionKind = Literal["main", "direct", "group", "channel", "cron", "heartbeat", "task"]

THREAD_WORDS: Final = {"group": "topic", "channel": "thread"}


@dataclass(frozen=True, slots=True)
class SessionKey:
    """A session key's parts; `str()` makes the key of them. None: this kind (or scope) has no such part.

    `id` is the peer or linked person of `direct`, the chat, the job or the task; `thread` the topic or thread.
    """

    agent: str
    kind: SessionKind
    id: str | None = None
    channel: str | None = None
    account: str | None = None
    thread: str | None = None

    @override
    def __str__(self) -> str:
        parts = [self.channel, self.account, self.kind, self.id]
        if self.thread is not None:
            parts += [THREAD_WORDS[self.kind], self.thread]
        return ":".join(["agent", _escaped(self.agent), *(_escaped(part) for part in parts if part is not None)])


def session_key(agent: str, address: Address, dm_scope: DmScope, people: Mapping[str, str]) -> str:
    """The session in which `agent` answers `address`.

    `people` is what `people_by_id` makes of `identity_links`: a linked id gives way to its person in every scope
    but `main`. A thread in a direct chat shares the person's session. Raises NoSender for a direct message that
    names no sender: it must land in nobody's memory.
    """
    peer = address.peer
    if peer.kind != "direct":
        key = f"agent:{agent}:{address.channel}:{peer.kind}:{_escaped(peer.id)}"
        if address.thread is not None:
            key = f"{key}:{THREAD_WORDS[peer.kind]}:{_escaped(address.thread)}"
    elif address.sender is None:
        raise NoSender(f"a direct message in {address.channel} names no sender")
    elif dm_scope == "main":
        key = f"agent:{agent}:main"
    else:
        person = _escaped(people.get(f"{address.channel}:{peer.id}".lower(), peer.id) if people else peer.id)
        key = f"agent:{agent}:{_scope_prefix(address, dm_scope)}direct:{person}"
    return key.lower()


def chat_part(channel: str, group: str) -> str:
    """What the keys of all sessions in a group have in common, after `agent:<agent>`."""
    return f":{channel}:group:{_escaped(group)}".lower()


def _scope_prefix(address: Address, dm_scope: DmScope) -> str:
    if dm_scope == "per-channel-peer":
        return f"{address.channel}:"
    return f"{address.channel}:{_escaped(address.account)}:" if dm_scope == "per-account-channel-peer" else ""


def people_by_id(identity_links: Mapping[str, Iterable[str]]) -> Mapping[str, str]:
    """Each linked `<channel>:<id>`, in lower case, with the person it belongs to."""
    return {linked.lower(): person for person, ids in identity_links.items() for linked in ids}


def parse_session_key(text: str) -> SessionKey:
    """The parts of a key. Reads `dm` as `direct` and `agent:<a>:cli:<user>` as `agent:<a>:cli:direct:<user>`.

    Raises InvalidSessionKey.
    """
    parts = text.lower().split(":")
    if len(parts) < 3 or parts[0] != "agent" or not all(parts):
        raise InvalidSessionKey(f"{text!r} is no session key: it must read agent:<agent>:…")
    key = _parsed(*(_plain(part) for part in parts[1:]))
    if key is None:
        raise InvalidSessionKey(f"{text!r} is no session key: nothing we know reads like this after the agent")
    return key


def _parsed(agent: str, *rest: str) -> SessionKey | None:
    match rest:
        case ("main" | "heartbeat" as kind,):
            return SessionKey(agent, kind)
        case ("cron" | "task" as kind, name):
            return SessionKey(agent, kind, name)
        case ("direct" | "dm", peer):
            return SessionKey(agent, "direct", peer)
        case ("cli", user):
            return SessionKey(agent, "direct", user, "cli")
        case _:
            return _parsed_with_channel(agent, *rest)


def _parsed_with_channel(agent: str, channel: str, *rest: str) -> SessionKey | None:
    match rest:
        case ("direct" | "dm", peer):
            return SessionKey(agent, "direct", peer, channel)
        case (account, "direct" | "dm", peer):
            return SessionKey(agent, "direct", peer, channel, account)
        case ("group" | "channel" as kind, chat):
            return SessionKey(agent, kind, chat, channel)
        case ("group", chat, "topic", thread):
            return SessionKey(agent, "group", chat, channel, thread=thread)
        case ("channel", chat, "thread", thread):
            return SessionKey(agent, "channel", chat, channel, thread=thread)
        case _:
            return None


def _escaped(part: str) -> str:
    if ":" in part or "%" in part:
        part = part.replace("%", "%25").replace(":", "%3a")
    return part.lower()


def _plain(part: str) -> str:
    return part.replace("%3a", ":").replace("%25", "%")
