import itertools

import pytest

from tests import links


async def test_processes_that_begin_at_one_number_have_networks_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "_numbers", itertools.chain([16_100, 16_100], itertools.count(16_101)))
    async with links.own_network() as first, links.own_network() as second:
        if not first.command:
            pytest.skip("a process may have no network of its own here")
        assert second.command not in {(), first.command}
        await first.cut()
        await first.mend()
