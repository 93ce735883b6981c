"""A Telegram of its own for the unmodified client libraries: groups, direct chats, and people to play."""

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from channels.clock import Clock
from channels.simulator.call import call_wire
from channels.simulator.faults import Faults
from channels.simulator.files import FileStore
from channels.simulator.hub import EventHub
from channels.simulator.journal import Journal, NoJournal
from channels.simulator.seed import seed_records
from channels.simulator.telegram.bot_api import BotApi
from channels.simulator.telegram.methods import Methods
from channels.simulator.telegram.people import People
from channels.simulator.telegram.posts import Posts
from channels.simulator.telegram.state import Chat, TelegramState
from channels.simulator.telegram.updates import Updates
from channels.simulator.telegram.webhook import Webhook
from channels.simulator.telegram.wire import Wire
from channels.simulator.waiting import Waiting
from channels.simulator.world import World

SentCondition = Callable[[list[Wire]], bool]
_TYPING_KEPT: Final = 10_000


class TelegramStandIn(People):
    """The platform, seen from outside the bot: what people do, what the bot sent, what goes wrong.

    `state` may hold what an earlier process remembered; `journal` keeps what happens from now on.
    """

    def __init__(
        self,
        clock: Clock,
        token: str,
        *,
        state: TelegramState | None = None,
        journal: Journal | None = None,
        files: FileStore | None = None,
        hub: EventHub | None = None,
    ) -> None:
        hub, files = hub or EventHub(), files or FileStore(None)
        world = World(state or TelegramState(), journal or NoJournal(), hub.publish)
        updates = Updates(clock, world)
        posts = Posts(clock, world, files)
        self._webhook = Webhook(clock, updates)
        methods = Methods(world, updates, posts, self._webhook)
        super().__init__(clock, world, updates, posts, methods)
        self._waiting = Waiting()
        self.token = token
        self.typing: deque[Wire] = deque(maxlen=_TYPING_KEPT)
        self.api = BotApi(clock, token, methods.table(), files, lambda call: hub.publish("call", call_wire(call)))
        world.listen(self._on_event)
        if not self.state.users:
            for record in seed_records():
                world.record(record)

    @property
    def calls(self) -> Counter[str]:
        """Calls with the right token, by method, those that a fault ate included."""
        return self.api.calls

    @property
    def faults(self) -> Faults:
        return self.api.faults

    @property
    def pending(self) -> Sequence[Wire]:
        """Updates that the bot has not confirmed yet, oldest first."""
        return self.updates.pending

    @property
    def chats(self) -> Mapping[int, Chat]:
        return self.state.chats

    @property
    def users(self) -> Mapping[int, Wire]:
        return self.state.users

    @property
    def limits_on(self) -> bool:
        """Whether a second message to one chat within a second is answered with 429."""
        return self.posts.limits_on

    @limits_on.setter
    def limits_on(self, on: bool) -> None:
        self.posts.limits_on = on

    def sent(self, chat_id: int | None = None) -> list[Wire]:
        """The bot's messages in the order of sending, as they read now; deleted ones are gone. None: of all chats."""
        return [
            self.state.chats[chat].messages[message] for chat, message in self.state.by_bot if chat_id in {None, chat}
        ]

    async def wait_for_sent(self, want: int | SentCondition, chat_id: int | None = None) -> list[Wire]:
        """Return `sent(chat_id)` once there are `want` messages, or once the condition holds for them.

        A condition is tried anew whenever the bot writes, edits, deletes, or confirms updates.
        """

        def holds() -> bool:
            return want(self.sent(chat_id)) if callable(want) else self._count_sent(chat_id) >= want

        await self._waiting.until(holds)
        return self.sent(chat_id)

    def close(self) -> None:
        """End the long poll that waits, and bring nothing more."""
        self.updates.close()
        self._webhook.close()

    def _count_sent(self, chat_id: int | None) -> int:
        if chat_id is None:
            return len(self.state.by_bot)
        return sum(chat == chat_id for chat, _ in self.state.by_bot)

    def _on_event(self, kind: str, wire: Wire) -> None:
        if kind == "typing":
            self.typing.append(wire)
        elif kind != "presence":
            self._waiting.look()
