"""Who answers whom: `routing.*`."""

from typing import Annotated, Any

from pydantic import Field

from bot.methods.desk import Caller, Desk
from bot.methods.failure import INVALID_PARAMS, MethodFailed
from bot.methods.page import Nothing
from channels.config import Strict
from routing.address import Address, Peer, PeerKind
from routing.binding import Binding
from routing.errors import NoSender
from routing.explain import describe, explain
from routing.notation import match_data
from routing.table import Route

Id = Annotated[str, Field(max_length=256)]
"""No platform's are longer, and every database has room for them in an index."""


class PeerParams(Strict):
    """A chat."""

    kind: PeerKind = "direct"
    id: Id = Field(min_length=1)


class Where(Strict):
    """Where somebody speaks. `peer` null: their direct chat."""

    channel: Id = Field(min_length=1)
    account: Id = "default"
    sender: Id | None = None
    peer: PeerParams | None = None
    thread: Id | None = None
    guild: Id | None = None
    roles: list[Id] = Field(default_factory=list)


def address_of(where: Where, default_sender: str | None = None) -> Address:
    """Raises MethodFailed where neither a peer nor a sender is named."""
    sender = where.sender or default_sender
    if where.peer is not None:
        peer = Peer(where.peer.kind, where.peer.id)
        sender = sender or (peer.id if peer.kind == "direct" else None)
    elif sender is not None:
        peer = Peer("direct", sender)
    else:
        raise MethodFailed(INVALID_PARAMS, "say who speaks: sender, or peer")
    return Address(where.channel, where.account, peer, where.thread, where.guild, frozenset(where.roles), sender)


def route_of(desk: Desk, address: Address) -> Route:
    """Raises MethodFailed where the address is refused."""
    try:
        return desk.table().resolve(address)
    except NoSender as error:
        raise MethodFailed(INVALID_PARAMS, str(error)) from None


async def resolve(desk: Desk, _caller: Caller, params: Where) -> dict[str, Any]:
    """Which agent answers there, in which session, and every tier that was tried."""
    address = address_of(params)
    route_of(desk, address)
    return dict(explain(desk.table(), address).to_json())


async def bindings(desk: Desk, _caller: Caller, _params: Nothing) -> dict[str, Any]:
    """The bindings in force, in the order of the file."""
    table = desk.table()
    return {
        "default_agent": table.defaults.agent,
        "dm_scope": table.defaults.dm_scope,
        "bindings": [binding_view(binding) for binding in table.bindings],
    }


def binding_view(binding: Binding) -> dict[str, Any]:
    """A binding as clients see it. `match` is for people, `fields` what `bindings.set` takes as its match."""
    return {
        "line": binding.line,
        "agent": binding.agent,
        "tier": binding.match.tier.value,
        "priority": binding.priority,
        "match": describe(binding),
        "fields": match_data(binding.match),
    }
