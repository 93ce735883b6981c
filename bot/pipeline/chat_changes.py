"""What follows when a chat moves, opens or closes: one list of statements for all that the house keeps of it."""

import asyncio
from collections.abc import Sequence

from bot.chats import ChatKey, ChatStore
from bot.delivery.store import OutboxStore
from bot.jobs.store import JobStore
from bot.pipeline.gate import Gate
from bot.reasons import Reason
from bot.sessions.store import SessionStore
from bot.storage.port import Statement
from bot.tasks.store import TaskStore
from channels.message import ChatChange, Destination


class ChatChanges:
    """Statements for one transaction each. After their commit the gate is to be told (`refresh`)."""

    def __init__(
        self,
        chats: ChatStore,
        outbox: OutboxStore,
        sessions: SessionStore,
        tasks: TaskStore,
        jobs: JobStore,
        gate: Gate,
    ) -> None:
        self._gate = gate
        self._chats = chats
        self._outbox = outbox
        self._sessions = sessions
        self._tasks = tasks
        self._jobs = jobs
        self._refreshing = asyncio.Lock()

    async def refresh(self) -> None:
        """Let the gate know what is on disk."""
        async with self._refreshing:  # who asks the database later must not be overtaken by an older answer
            self._gate.chats = await self._chats.known()

    def open_again(self, place: Destination) -> Statement:
        """Somebody speaks there and is answered, so it takes messages, whatever it did before."""
        return self._chats.reopen((place.channel, place.account, place.chat))

    def moved(self, chat: ChatKey, new_chat: str) -> Sequence[Statement]:
        """What waits for it, its sessions, its tasks, its jobs and its place on the allowlist go to `new_chat`."""
        channel, account, old = chat
        return [
            self._outbox.chat_moved(chat, new_chat),
            *self._sessions.chat_moved(channel, old, new_chat),
            self._tasks.chat_moved(channel, account, old, new_chat),
            self._jobs.chat_moved(channel, account, old, new_chat),
            *self._chats.move(chat, new_chat),
        ]

    def closed(self, chat: ChatKey, reason: str) -> Sequence[Statement]:
        """What waits for it ends undelivered, and so does what comes later, until it opens again."""
        return [self._outbox.end_chat(chat, reason), self._chats.close(chat, reason)]

    def told(self, change: ChatChange, *, by_owner: bool) -> tuple[Reason, Sequence[Statement]]:
        """(the reason, the statements) for what the platform told."""
        chat = (change.chat.channel, change.chat.account, change.chat.chat)
        if change.kind == "moved" and change.new_chat is not None:
            return Reason.CHAT_MOVED, self.moved(chat, change.new_chat)
        if change.kind == "removed":
            return Reason.BOT_REMOVED, [
                *self.closed(chat, f"{Reason.CHAT_CLOSED}: the bot was removed"),
                self._chats.dismiss(chat),
            ]
        if by_owner and change.by is not None:
            return Reason.ADDED_BY_OWNER, [self._chats.admit(chat, change.by)]
        return Reason.BOT_ADDED, [self._chats.reopen(chat)]
