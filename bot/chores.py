"""What is done now and then, whatever else happens: looks at rows, and nothing whose loss would matter."""

from collections.abc import Sequence
from typing import Final

from bot.bindings_watch import LOOK_SECONDS
from bot.channel_host import ChannelHost
from bot.dispatch.poster import RESULTS
from bot.gateway.tokens import Doorkeeper
from bot.house import House
from bot.machines import once_for_all
from bot.providers.cooldown import forget_old
from bot.storage.errors import StorageUnavailable
from bot.storage.postgresql.membership import Membership
from bot.storage.pruning import forget
from bot.waker import Ring
from channels.clock import unix_ms

MEMORY_SECONDS: Final = 10


class Changes:
    """What another process may have changed, read anew."""

    def __init__(self, house: House, hosts: Sequence[ChannelHost], doorkeeper: Doorkeeper) -> None:
        self._house = house
        self._hosts = hosts
        self._doorkeeper = doorkeeper
        self._unread = False

    async def look(self) -> None:
        """Costs little while nothing has changed. What could not be read now is read at the next look."""
        self._unread = await self._house.stores.storage.changed_elsewhere() or self._unread
        if not self._unread:
            return
        self._unread = False
        try:
            await self._read()
        except StorageUnavailable:
            self._unread = True
            raise

    async def _read(self) -> None:
        house = self._house
        house.schedules.changed()
        house.ground.gate.paired = await house.stores.pairings.approved()
        await house.delivery.chat_changes.refresh()
        await self._doorkeeper.refresh()
        await house.ground.models.cooldowns.refresh()
        await house.dispatcher.look_after()
        await house.heartbeats.grant_wishes()
        for host in self._hosts:
            if not host.needs_token:
                host.look_at_inbox()  # every machine's gateway stores for it
            await house.delivery.worker.tick(host.name, host.account)


def rings(house: House, hosts: Sequence[ChannelHost], changes: Changes, membership: Membership | None) -> list[Ring]:
    """Every chore of `javis run`. What is to be done once for all machines is done by the one that holds the lease."""
    worker, archive = house.delivery.worker, house.stores.archive

    def retry(name: str, account: str) -> Ring:
        return Ring(f"deliver {name}/{account}", 1, lambda: worker.tick(name, account))

    return [
        *(retry(host.name, host.account) for host in hosts),
        retry(*RESULTS),
        Ring("changes", 0.5, changes.look),
        Ring("prune", 3600, once_for_all(membership, lambda: prune(house))),
        Ring("archive", 60, once_for_all(membership, archive.sweep)),
        Ring("bindings", LOOK_SECONDS, house.watch.look),
        Ring("memory", MEMORY_SECONDS, house.ground.bench.memory.catch_up),
        Ring("absence", 60, lambda: house.absence.look(hosts)),
        Ring("keys", 15, house.key_alerts.look),
        Ring("tasks", 60, house.dispatcher.look_after),
        Ring("schedules", 1, house.schedules.look),
        Ring("heartbeat", 60, house.heartbeats.beat),
    ]


async def take_up(house: House) -> None:
    """Let what others left that have died or gone be done again."""
    await house.stores.tasks.recover()
    await house.schedules.recover()
    await house.heartbeats.recover()
    await house.dispatcher.look_after()


async def prune(house: House) -> None:
    """Forget what is too old to matter."""
    stores, ledger = house.stores, house.ground.ledger
    await stores.storage.commit(
        [
            stores.pairings.forget_expired(),
            stores.chats.prune(),
            *stores.jobs.prune(),
            house.ground.bench.approvals.prune(),
            stores.task_keys.prune(),
            stores.heartbeats.prune(),
            ledger.prune_days(),
            forget_old(unix_ms(house.clock.now())),
        ]
    )
    piecemeal = (stores.inbox.prune(), stores.outbox.prune(), stores.traces.prune(), ledger.prune_calls())
    for old in (*piecemeal, stores.tasks.prune()):
        await forget(stores.storage, old)
