"""Posts the results of tasks to the addresses that were given with them.

A result waits in the outbox like any message: written with the task's end in one transaction, tried again, kept when
it cannot be delivered. Only where it goes is read anew each time, so that no key and no address stands in its row.
"""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final

import aiohttp
from typing_extensions import override

from bot.delivery.item import OutboxItem, Source, make_items
from bot.storage.errors import StorageError
from bot.tasks.keys import TaskKeys
from bot.tasks.store import TaskStore
from bot.tasks.task import Task, result_json
from bot.tasks.webhook_url import check_webhook_url, is_private
from bot.web_guard import AddressRefused, Resolve, look_up, open_guarded_session
from channels.clock import Clock
from channels.errors import NotSent, Refused
from channels.message import Delivery, Destination, Receipt
from channels.port import Carrier
from channels.webhook.posting import open_http, post_signed

RESULTS: Final = ("task-webhook", "default")
"""The channel and account under which results stand in the outbox; the chat is the task."""
POSTED: Final = ":webhook"
"""Ends the source id of a result that is posted."""


def result_items(task: Task, clock: Clock) -> list[OutboxItem]:
    """The outbox row for the result of an ended task; its end is now where `task` does not tell."""
    now = clock.now()
    ended = replace(task, finished=task.finished or now)
    return make_items(
        destination=Destination(*RESULTS, task.id),
        kind="notice",
        source=Source("task", f"{task.id}:{task.attempt}{POSTED}"),
        language=task.language,
        payloads=[result_json(ended)],
        now=now,
    )


@asynccontextmanager
async def open_poster(
    tasks: TaskStore, keys: TaskKeys, clock: Clock, private_hosts: Collection[str], resolve: Resolve = look_up
) -> AsyncIterator["ResultPoster"]:
    async with open_guarded_session(resolve) as guarded, open_http() as inside:
        yield ResultPoster(tasks, keys, clock, private_hosts, guarded=guarded, inside=inside)


class ResultPoster(Carrier):
    """Carries results. `guarded` reaches the open Internet alone, `inside` everything."""

    def __init__(
        self,
        tasks: TaskStore,
        keys: TaskKeys,
        clock: Clock,
        private_hosts: Collection[str],
        *,
        guarded: aiohttp.ClientSession,
        inside: aiohttp.ClientSession,
    ) -> None:
        self._tasks = tasks
        self._keys = keys
        self._clock = clock
        self._private_hosts = private_hosts
        self._guarded = guarded
        self._inside = inside

    @override
    async def send(self, delivery: Delivery) -> Receipt:
        """The id of each attempt is the same, so the receiver can tell a repetition: no label is needed."""
        task_id = delivery.destination.chat
        try:
            task, keys = await self._tasks.get(task_id), await self._keys.live(task_id)
        except StorageError as error:
            raise NotSent(str(error)) from None
        if task is None or task.webhook_url is None or not keys:
            raise Refused("the task is gone")
        url = task.webhook_url
        http = self._inside if is_private(url, self._private_hosts) else self._guarded
        try:
            check_webhook_url(url, self._private_hosts)
            await post_signed(http, url, keys, delivery.id, self._clock.now(), delivery.payload)
        except AddressRefused as refusal:
            raise Refused(str(refusal)) from None
        return Receipt(delivery.id)
