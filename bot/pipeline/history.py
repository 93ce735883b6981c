"""`/history`: what was said last in a chat's conversation."""

from typing import Final

from bot import words
from bot.catalogue import Catalogue
from bot.command import Call
from bot.pipeline.gate import Gate
from bot.sessions.store import SessionStore
from bot.sessions.transcript import Record
from routing.session_key import parse_session_key

SHOWN: Final = 10
MOST: Final = 50
LINE_CHARACTERS: Final = 200


class History:
    """Shows questions and answers, without the work of tools between them.

    Where all direct chats share one conversation (`dm_scope: main`), only an owner may read it.
    """

    def __init__(self, sessions: SessionStore, gate: Gate, catalogue: Catalogue) -> None:
        self._sessions = sessions
        self._gate = gate
        self._catalogue = catalogue

    async def tell(self, call: Call) -> str:
        """The answer to `/history [n]`; what is no number counts as none."""
        message, shared = call.message, parse_session_key(call.session_key).kind == "main"
        if shared and not self._gate.is_owner(message.origin.channel, message.address.sender):
            return self._say(call, words.HISTORY_SHARED)
        wanted = call.arguments.strip()
        most = min(MOST, max(1, int(wanted))) if wanted.isascii() and wanted.isdigit() and len(wanted) < 9 else SHOWN
        records = await self._sessions.history(call.session_key, 4 * most)
        said = [record for record in records if record.role in {"user", "assistant"} and record.content][-most:]
        if not said:
            return self._say(call, words.HISTORY_EMPTY)
        session = (await self._sessions.of_key(call.session_key, 1))[:1]
        count = session[0].messages if session else len(said)
        header = self._catalogue.say(call.language, words.HISTORY_HEADER, shown=len(said), count=count)
        return "\n".join([header, *(self._line(call, record) for record in said)])

    def _line(self, call: Call, record: Record) -> str:
        sender = record.metadata.get("sender")
        somebody = sender if isinstance(sender, str) and sender else self._say(call, words.HISTORY_SOMEBODY)
        speaker = self._say(call, words.HISTORY_ME) if record.role == "assistant" else somebody
        text = " ".join(record.content.split())
        short = text if len(text) <= LINE_CHARACTERS else text[: LINE_CHARACTERS - 1] + "…"
        time = f"{record.timestamp:%m-%d %H:%M}"
        return self._catalogue.say(call.language, words.HISTORY_LINE, time=time, speaker=speaker, text=short)

    def _say(self, call: Call, word: str) -> str:
        return self._catalogue.say(call.language, word)
