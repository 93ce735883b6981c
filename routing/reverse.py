"""The other way round: from an agent to where its words should leave."""

from collections.abc import Iterable

from routing.address import Address
from routing.errors import NoSender
from routing.table import Table


def first_leading_to(table: Table, agent: str, addresses: Iterable[Address]) -> Address | None:
    """The first of `addresses` that `agent` answers, so that a reply comes back to who spoke; None: none of them."""
    for address in addresses:
        try:
            if table.resolve(address).agent == agent:
                return address
        except NoSender:
            continue
    return None
