"""`/model`: an owner says in a chat which model answers there."""

from collections.abc import Callable, Sequence
from typing import Final

from bot import words
from bot.catalogue import Catalogue
from bot.command import Call, Reply
from bot.providers.choices import ModelChoices
from channels.port import Suggestion

OFF: Final = "off"


class ChatModels:
    """Implements bot.commands.Chooser. `names` are the models that may be chosen."""

    def __init__(
        self,
        choices: ModelChoices,
        names: Sequence[str],
        is_owner: Callable[[str, str | None], bool],
        catalogue: Catalogue,
    ) -> None:
        self._choices = choices
        self._names = names
        self._is_owner = is_owner
        self._catalogue = catalogue

    async def choose(self, call: Call) -> Reply:
        """The answer to `/model [name|off]`."""
        say, language, wanted = self._catalogue.say, call.language, call.arguments.strip()
        if not self._may(call):
            return Reply(say(language, words.MODEL_OWNERS_ONLY))
        if not wanted:
            chosen = await self._choices.of(call.session_key) or say(language, words.MODEL_OWN)
            return Reply(say(language, words.MODEL_SHOWN, model=chosen, models=", ".join(self._names)))
        if wanted in self._names:
            done = say(language, words.MODEL_CHOSEN, model=wanted)
            return Reply(done, (self._choices.choose(call.session_key, wanted),))
        if wanted.casefold() == OFF:
            return Reply(say(language, words.MODEL_RESET), (self._choices.forget(call.session_key),))
        return Reply(say(language, words.MODEL_UNKNOWN, model=wanted, models=", ".join(self._names)))

    async def suggest(self, call: Call) -> list[Suggestion]:
        """The models whose name holds what was typed, for an owner."""
        if not self._may(call):
            return []
        typed = call.arguments.strip().casefold()
        return [Suggestion(name, name) for name in (*self._names, OFF) if typed in name.casefold()]

    def _may(self, call: Call) -> bool:
        return self._is_owner(call.message.address.channel, call.message.address.sender)
