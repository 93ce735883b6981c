"""`/bind`: an owner says in a chat which agent answers there."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from bot import words
from bot.bindings_file import BindingsStore, NotChanged
from bot.catalogue import Catalogue
from bot.command import Call, Reply
from bot.pipeline.gate import Gate
from bot.reasons import Reason
from channels.config import ChannelConfig
from channels.port import Suggestion
from routing.binding import Match, PeerPattern
from routing.errors import CannotEdit
from routing.explain import describe
from routing.faults import FileFaults
from routing.table import Route, Table

OFF = "off"


class ChatBindings:
    """Implements bot.commands.Binder. `table` and `agents` are those in force, `saved` brings a change into force."""

    def __init__(
        self,
        store: BindingsStore | None,
        gate: Gate,
        catalogue: Catalogue,
        configs: Callable[[str], ChannelConfig | None],
        in_force: Callable[[], tuple[Table, list[str]]],
        saved: Callable[[], Awaitable[None]],
    ) -> None:
        self._store = store
        self._gate = gate
        self._catalogue = catalogue
        self._configs = configs
        self._in_force = in_force
        self._saved = saved

    async def bind(self, call: Call) -> Reply:
        """The answer to `/bind [agent|off]`; the file is changed before it is said."""
        say, language = self._catalogue.say, call.language
        if not self._is_owner(call):
            return Reply(say(language, words.BIND_OWNERS_ONLY))
        agents = self._in_force()[1]
        wanted = call.arguments.strip()
        if not wanted:
            return Reply(self._shown(call, agents))
        if wanted not in agents and wanted.casefold() != OFF:
            return Reply(say(language, words.BIND_UNKNOWN, agent=wanted, agents=", ".join(agents)))
        if self._store is None:
            return Reply(say(language, words.BIND_FAILED, faults="--bindings"))
        try:
            return Reply(await self._change(call, wanted if wanted in agents else None, self._store))
        except (FileFaults, CannotEdit, NotChanged) as fault:
            return Reply(say(language, words.BIND_FAILED, faults=fault))

    async def suggest(self, call: Call) -> list[Suggestion]:
        """The agents whose id begins with what was typed, for an owner."""
        if not self._is_owner(call):
            return []
        typed = call.arguments.strip().casefold()
        return [Suggestion(id_, id_) for id_ in [*self._in_force()[1], OFF] if id_.startswith(typed)]

    async def _change(self, call: Call, agent: str | None, store: BindingsStore) -> str:
        match, say = self._match(call), self._catalogue.say
        if agent is not None:
            await asyncio.to_thread(store.bind, match, agent)
            await self._saved()
            return say(call.language, words.BIND_DONE, agent=agent)
        removed = await asyncio.to_thread(store.unbind, match)
        former = self._gate.former_id(call.message)
        if removed is None and former is not None:
            moved = replace(match, peer=PeerPattern(match.peer.kind, former))
            removed = await asyncio.to_thread(store.unbind, moved)
        await self._saved()
        word = words.BIND_NONE if removed is None else words.BIND_REMOVED
        return say(call.language, word, agent=self._route(call).agent)

    def _shown(self, call: Call, agents: list[str]) -> str:
        route = self._route(call)
        why = self._catalogue.say(call.language, Reason.DEFAULT_AGENT.meaning)
        return self._catalogue.say(
            call.language,
            words.BIND_SHOWN,
            agent=route.agent,
            why=why if route.binding is None else describe(route.binding),
            agents=", ".join(agents),
        )

    def _route(self, call: Call) -> Route:
        return self._in_force()[0].resolve(call.message.address, self._gate.former_id(call.message))

    def _match(self, call: Call) -> Match:
        """This chat, or this thread of it; the account too where the channel has several."""
        address = call.message.address
        config = self._configs(address.channel)
        several = config is not None and len(config.accounts) > 1
        peer = PeerPattern(address.peer.kind, address.peer.id)
        return Match(address.channel, address.account if several else None, peer, address.thread)

    def _is_owner(self, call: Call) -> bool:
        address = call.message.address
        return self._gate.is_owner(call.message.origin.channel, address.sender)
