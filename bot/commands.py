"""The command table: what a person may ask of the bot in any chat, and what each command does."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from bot import words
from bot.catalogue import Catalogue, Language
from bot.chat_tasks import MOST_SUGGESTED, ChatTasks
from bot.command import Call, Reply
from bot.reminders import Reminders
from bot.sessions.store import SessionStore
from channels.port import CommandCard, Suggestion

REMIND: Final = "remind me"  # no name that anybody could type after a slash


class Binder(Protocol):
    """Changes who answers in a chat."""

    async def bind(self, call: Call) -> Reply: ...

    async def suggest(self, call: Call) -> list[Suggestion]: ...


class Chooser(Protocol):
    """Changes which model answers in a chat."""

    async def choose(self, call: Call) -> Reply: ...

    async def suggest(self, call: Call) -> list[Suggestion]: ...


Teller = Callable[[Call], Awaitable[str]]
Handler = Callable[["Commands", Call], Awaitable[Reply]]
Suggester = Callable[["Commands", Call], Awaitable[list[Suggestion]]]


@dataclass(frozen=True, slots=True)
class Command:
    """`name` without the slash; `title`, `description` and `argument` are words of bot/words.py.

    `title` is the name where a platform translates names, `argument` what may follow it (None: nothing). `for_owners`
    says whom the platform is to offer it; the handler itself refuses all others.
    """

    name: str
    title: str
    description: str
    handler: Handler
    argument: str | None = None
    argument_required: bool = False
    suggests: Suggester | None = None
    private: bool = False
    for_owners: bool = False


class Commands:
    """Runs the table's commands. `status`, `why` and `history` are what those commands say."""

    def __init__(
        self,
        *,
        tasks: ChatTasks,
        sessions: SessionStore,
        catalogue: Catalogue,
        reminders: Reminders,
        status: Teller,
        why: Teller,
        history: Teller,
        binder: Binder,
        chooser: Chooser,
    ) -> None:
        self.tasks = tasks
        self.binder = binder
        self.chooser = chooser
        self.status = status
        self.why = why
        self.history = history
        self._sessions = sessions
        self._catalogue = catalogue
        self._reminders = reminders

    async def run(self, name: str, call: Call) -> Reply:
        """What the command answers; a name that the table does not hold is answered too."""
        if name == REMIND:
            return self._reminders.make(call)
        command = TABLE.get(name)
        if command is None:
            return Reply(self._catalogue.say(call.language, words.UNKNOWN_COMMAND, command=f"/{name}"))
        return await command.handler(self, call)

    def in_plain_words(self, call: Call) -> str | None:
        """The command that ordinary words mean, which have no slash; None for all others."""
        return REMIND if self._reminders.read(call) is not None else None

    def menu(self, language: Language) -> list[tuple[str, str]]:
        """(name, description) of every command."""
        return [(command.name, self._catalogue.say(language, command.description)) for command in TABLE.values()]

    def cards(self, default: Language) -> list[CommandCard]:
        """The table for a platform's menu; `default` is the language of those who speak none of ours."""
        in_all_languages = self._catalogue.in_all_languages
        return [
            CommandCard(
                name=command.name,
                names=in_all_languages(command.title, default),
                descriptions=in_all_languages(command.description, default),
                argument=None if command.argument is None else in_all_languages(command.argument, default),
                argument_required=command.argument_required,
                suggests=command.suggests is not None,
                private=command.private,
                for_owners=command.for_owners,
            )
            for command in TABLE.values()
        ]

    async def suggest(self, name: str, call: Call) -> list[Suggestion]:
        """What may stand as the command's argument; `call.arguments` is what was typed so far."""
        command = TABLE.get(name)
        found = [] if command is None or command.suggests is None else await command.suggests(self, call)
        return found[:MOST_SUGGESTED]

    async def ask(self, call: Call) -> Reply:
        """What a question is answered that asks nothing; all others are ordinary turns."""
        return Reply(self._catalogue.say(call.language, words.QUESTION_EMPTY))

    async def new(self, call: Call) -> Reply:
        closing = await self._sessions.end(call.session_key)
        return Reply(self._catalogue.say(call.language, words.NEW_DONE), (closing,))

    async def help(self, call: Call) -> Reply:
        lines = [
            self._catalogue.say(call.language, words.HELP_LINE, command=f"/{name}", description=description)
            for name, description in self.menu(call.language)
        ]
        header = self._catalogue.say(call.language, words.HELP_HEADER)
        return Reply("\n".join([header, *lines, self._catalogue.say(call.language, words.HELP_KIMI)]))

    async def start(self, call: Call) -> Reply:
        return Reply(self._catalogue.say(call.language, words.START, bot="Javis"))


def _saying(teller: Callable[[Commands], Teller]) -> Handler:
    async def say(commands: Commands, call: Call) -> Reply:
        return Reply(await teller(commands)(call))

    return say


TABLE: Final[Mapping[str, Command]] = {
    command.name: command
    for command in (
        Command(
            "kimi",
            words.NAME_KIMI,
            words.COMMAND_KIMI,
            lambda bot, call: bot.tasks.kimi(call),
            words.ARGUMENT_TASK,
            argument_required=True,
        ),
        Command(
            "ask", words.NAME_ASK, words.COMMAND_ASK, Commands.ask, words.ARGUMENT_QUESTION, argument_required=True
        ),
        Command(
            "tasks",
            words.NAME_TASKS,
            words.COMMAND_TASKS,
            lambda bot, call: bot.tasks.show(call),
            words.ARGUMENT_TASK_ID,
            suggests=lambda bot, call: bot.tasks.suggest(call),
            private=True,
        ),
        Command(
            "cancel",
            words.NAME_CANCEL,
            words.COMMAND_CANCEL,
            lambda bot, call: bot.tasks.cancel(call),
            words.ARGUMENT_TASK_ID,
            suggests=lambda bot, call: bot.tasks.suggest_cancel(call),
        ),
        Command(
            "retry",
            words.NAME_RETRY,
            words.COMMAND_RETRY,
            lambda bot, call: bot.tasks.retry(call),
            words.ARGUMENT_TASK_ID,
            argument_required=True,
            suggests=lambda bot, call: bot.tasks.suggest(call),
        ),
        Command("new", words.NAME_NEW, words.COMMAND_NEW, Commands.new),
        Command(
            "history",
            words.NAME_HISTORY,
            words.COMMAND_HISTORY,
            _saying(lambda bot: bot.history),
            words.ARGUMENT_COUNT,
            private=True,
        ),
        Command(
            "bind",
            words.NAME_BIND,
            words.COMMAND_BIND,
            lambda bot, call: bot.binder.bind(call),
            words.ARGUMENT_AGENT,
            suggests=lambda bot, call: bot.binder.suggest(call),
            private=True,
            for_owners=True,
        ),
        Command(
            "model",
            words.NAME_MODEL,
            words.COMMAND_MODEL,
            lambda bot, call: bot.chooser.choose(call),
            words.ARGUMENT_MODEL,
            suggests=lambda bot, call: bot.chooser.suggest(call),
            private=True,
        ),
        Command("status", words.NAME_STATUS, words.COMMAND_STATUS, _saying(lambda bot: bot.status), private=True),
        Command(
            "why", words.NAME_WHY, words.COMMAND_WHY, _saying(lambda bot: bot.why), words.ARGUMENT_MESSAGE, private=True
        ),
        Command("help", words.NAME_HELP, words.COMMAND_HELP, Commands.help, private=True),
        Command("start", words.NAME_START, words.COMMAND_START, Commands.start, private=True),
    )
}
