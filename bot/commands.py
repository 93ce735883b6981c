"""The command table: what a person may ask of the bot in any chat, and what each command does."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bot import words
from bot.catalogue import Catalogue, Language
from bot.sessions.store import SessionStore
from bot.storage.port import Statement
from bot.tasks.store import TaskStore
from bot.tasks.task import Task, TaskRequest
from bot.tasks.wording import BadOption, read_wording
from channels.message import Button, InboundMessage
from channels.port import CommandCard, Suggestion

MOST_LISTED: Final = 10
MOST_SUGGESTED: Final = 25  # https://discord.com/developers/docs/interactions/application-commands#autocomplete
SHORT_ID: Final = 16  # `kimi-` and the seconds


@dataclass(frozen=True, slots=True)
class Call:
    """A command on its way. `arguments` is the text after its name; `agent` and `session_key` are the chat's."""

    arguments: str
    message: InboundMessage
    agent: str
    session_key: str
    language: Language

    @property
    def requester(self) -> str:
        return f"{self.message.address.channel}:{self.message.address.sender}"


@dataclass(frozen=True, slots=True)
class Reply:
    """What to say and what to do: `statements` join the reply's transaction, `after` runs once it is on disk.

    Where a required statement fails, nothing is done and `otherwise` is said instead.
    """

    text: str
    statements: Sequence[Statement] = ()
    after: Callable[[], None] | None = None
    otherwise: str | None = None
    buttons: tuple[Button, ...] = ()


Handler = Callable[["Commands", Call], Awaitable[Reply]]
Suggester = Callable[["Commands", Call], Awaitable[list[Suggestion]]]


@dataclass(frozen=True, slots=True)
class Command:
    """`name` without the slash; `title`, `description` and `argument` are words of bot/words.py.

    `title` is the name where a platform translates names, `argument` what may follow it (None: nothing).
    """

    name: str
    title: str
    description: str
    handler: Handler
    argument: str | None = None
    argument_required: bool = False
    suggests: Suggester | None = None
    private: bool = False


class Commands:
    """Runs the table's commands."""

    def __init__(
        self,
        *,
        tasks: TaskStore,
        sessions: SessionStore,
        catalogue: Catalogue,
        default_model: str,
        per_user: int,
        task_queued: Callable[[], None],
        task_cancelled: Callable[[str], None],
        status: Callable[[Call], Awaitable[str]],
    ) -> None:
        self._tasks = tasks
        self._sessions = sessions
        self._catalogue = catalogue
        self._default_model = default_model
        self._per_user = per_user
        self._task_queued = task_queued
        self._task_cancelled = task_cancelled
        self._status = status

    async def run(self, name: str, call: Call) -> Reply:
        """What the command answers; a name that the table does not hold is answered too."""
        command = TABLE.get(name)
        if command is None:
            return Reply(self._catalogue.say(call.language, words.UNKNOWN_COMMAND, command=f"/{name}"))
        return await command.handler(self, call)

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
            )
            for command in TABLE.values()
        ]

    async def suggest(self, name: str, call: Call) -> list[Suggestion]:
        """What may stand as the command's argument; `call.arguments` is what was typed so far."""
        command = TABLE.get(name)
        return [] if command is None or command.suggests is None else await command.suggests(self, call)

    async def suggest_tasks(self, call: Call) -> list[Suggestion]:
        """The chat's newest tasks whose name or id holds what was typed."""
        origin, typed = call.message.origin, call.arguments.strip().casefold()
        tasks = await self._tasks.newest_of_chat(origin.channel, origin.account, origin.chat, MOST_SUGGESTED)
        return [
            Suggestion(f"{task.name} ({self._state(call.language, task)})", task.id)
            for task in tasks
            if typed in task.name.casefold() or typed in task.id
        ]

    async def kimi(self, call: Call) -> Reply:
        say = self._catalogue.say
        try:
            wording = read_wording(call.arguments)
        except BadOption as fault:
            return Reply(f"⚠️ {fault.option}={fault.value} → {fault.option}={fault.allowed}")
        if not wording.prompt:
            example = say(call.language, words.TASK_EXAMPLE)
            return Reply(say(call.language, words.TASK_EMPTY, example=example))
        request = TaskRequest(
            prompt=wording.prompt,
            model=wording.model or self._default_model,
            requester=call.requester,
            language=call.language,
            name=wording.name,
            temperature=wording.temperature,
            priority=wording.priority,
            notify=call.message.origin,
            reply_to=call.message.message_id,
        )
        _, name, statement = self._tasks.create(request, self._per_user)
        return Reply(
            say(call.language, words.TASK_ACCEPTED, name=name),
            (statement,),
            self._task_queued,
            say(call.language, words.TOO_MANY_TASKS, count=self._per_user),
        )

    async def list_tasks(self, call: Call) -> Reply:
        if call.arguments:
            return await self._show_task(call)
        origin = call.message.origin
        tasks = await self._tasks.newest_of_chat(origin.channel, origin.account, origin.chat, MOST_LISTED)
        if not tasks:
            return Reply(self._catalogue.say(call.language, words.TASKS_EMPTY))
        lines = [
            self._catalogue.say(
                call.language,
                words.TASKS_LINE,
                name=task.name,
                state=self._state(call.language, task),
                task=f"/tasks {task.id}",
            )
            for task in tasks
        ]
        return Reply("\n".join([self._catalogue.say(call.language, words.TASKS_HEADER), *lines]))

    async def cancel(self, call: Call) -> Reply:
        task = await self._task(call)
        if task is None:
            return self._no_task(call, "/cancel")
        refusal = self._catalogue.say(
            call.language, words.CANCEL_NOT_POSSIBLE, name=task.name, state=self._state(call.language, task)
        )
        if task.state not in {"queued", "running"}:
            return Reply(refusal)
        done = self._catalogue.say(call.language, words.CANCEL_DONE, name=task.name)
        return Reply(done, (self._tasks.cancel(task.id),), lambda: self._task_cancelled(task.id), refusal)

    async def retry(self, call: Call) -> Reply:
        task = await self._task(call)
        if task is None:
            return self._no_task(call, "/retry")
        refusal = self._catalogue.say(
            call.language, words.RETRY_NOT_POSSIBLE, name=task.name, state=self._state(call.language, task)
        )
        if task.state in {"queued", "running"}:
            return Reply(refusal)
        done = self._catalogue.say(call.language, words.RETRY_DONE, name=task.name)
        return Reply(done, (self._tasks.retry(task),), self._task_queued, refusal)

    async def new(self, call: Call) -> Reply:
        closing = self._sessions.close(call.session_key)
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

    async def status(self, call: Call) -> Reply:
        return Reply(await self._status(call))

    async def _show_task(self, call: Call) -> Reply:
        task = await self._task(call)
        if task is None:
            return self._no_task(call, "/tasks")
        details = self._catalogue.say(
            call.language,
            words.TASK_DETAILS,
            name=task.name,
            state=self._state(call.language, task),
            model=task.answered_by or task.model,
            task=task.id,
        )
        return Reply(f"{details}\n\n{task.output}" if task.output else details)

    async def _task(self, call: Call) -> Task | None:
        """The task that the arguments name, if it reports to this chat: nobody reads another chat's."""
        prefix = call.arguments.split()[0] if call.arguments else ""
        task = await self._tasks.find(prefix) if len(prefix) >= SHORT_ID else None
        origin = call.message.origin
        if task is None or task.notify is None:
            return None
        here = (origin.channel, origin.account, origin.chat)
        return task if (task.notify.channel, task.notify.account, task.notify.chat) == here else None

    def _no_task(self, call: Call, command: str) -> Reply:
        if not call.arguments:
            return Reply(self._catalogue.say(call.language, words.WHICH_TASK, command=command))
        return Reply(self._catalogue.say(call.language, words.TASK_NOT_FOUND, task=call.arguments))

    def _state(self, language: Language, task: Task) -> str:
        return self._catalogue.say(language, words.TASK_STATES[task.state])


async def _ask(_commands: Commands, _call: Call) -> Reply:
    raise AssertionError("/ask is an ordinary turn; the road takes it before the table is asked")


TABLE: Final[Mapping[str, Command]] = {
    command.name: command
    for command in (
        Command(
            "kimi", words.NAME_KIMI, words.COMMAND_KIMI, Commands.kimi, words.ARGUMENT_TASK, argument_required=True
        ),
        Command("ask", words.NAME_ASK, words.COMMAND_ASK, _ask, words.ARGUMENT_QUESTION, argument_required=True),
        Command(
            "tasks",
            words.NAME_TASKS,
            words.COMMAND_TASKS,
            Commands.list_tasks,
            words.ARGUMENT_TASK_ID,
            suggests=Commands.suggest_tasks,
            private=True,
        ),
        Command(
            "cancel",
            words.NAME_CANCEL,
            words.COMMAND_CANCEL,
            Commands.cancel,
            words.ARGUMENT_TASK_ID,
            argument_required=True,
            suggests=Commands.suggest_tasks,
        ),
        Command(
            "retry",
            words.NAME_RETRY,
            words.COMMAND_RETRY,
            Commands.retry,
            words.ARGUMENT_TASK_ID,
            argument_required=True,
            suggests=Commands.suggest_tasks,
        ),
        Command("new", words.NAME_NEW, words.COMMAND_NEW, Commands.new),
        Command("status", words.NAME_STATUS, words.COMMAND_STATUS, Commands.status, private=True),
        Command("help", words.NAME_HELP, words.COMMAND_HELP, Commands.help, private=True),
        Command("start", words.NAME_START, words.COMMAND_START, Commands.start, private=True),
    )
}
