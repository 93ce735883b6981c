"""Background tasks in a chat: `/kimi`, `/tasks`, `/cancel`, `/retry`."""

from collections.abc import Awaitable, Callable, Collection
from typing import Final

from bot import words
from bot.catalogue import Catalogue, Language
from bot.command import Call, Reply
from bot.jobs.job import ID_PREFIX
from bot.reminders import Reminders
from bot.tasks.store import TaskStore
from bot.tasks.task import Task, TaskRequest
from bot.tasks.wording import BadOption, read_wording
from bot.titles import is_blank
from channels.markdown import escape_markdown
from channels.message import Button
from channels.port import Suggestion

MOST_LISTED: Final = 10
MOST_SUGGESTED: Final = 25  # https://discord.com/developers/docs/interactions/application-commands#autocomplete
SHORT_ID: Final = 16  # `kimi-` and the seconds


class ChatTasks:
    """`per_user` bounds one person's unfinished tasks, `most` everybody's.

    `stop_turn` ends the chat's turn; False: there is none. `sees` tells whether a model, or an agent where one is
    named, is shown images.
    """

    def __init__(
        self,
        tasks: TaskStore,
        reminders: Reminders,
        catalogue: Catalogue,
        *,
        default_model: str,
        per_user: int,
        most: int,
        agents: Callable[[], Collection[str]],
        sees: Callable[[str, str | None], Awaitable[bool]],
        queued: Callable[[], None],
        cancelled: Callable[[str], None],
        stop_turn: Callable[[Call], bool],
    ) -> None:
        self._tasks = tasks
        self._reminders = reminders
        self._catalogue = catalogue
        self._default_model = default_model
        self._per_user = per_user
        self._agents = agents
        self._sees = sees
        self._most = most
        self._task_queued = queued
        self._task_cancelled = cancelled
        self._stop_turn = stop_turn

    async def suggest(self, call: Call) -> list[Suggestion]:
        """The chat's newest tasks whose name or id holds what was typed."""
        origin, typed = call.message.origin, call.arguments.strip().casefold()
        tasks = await self._tasks.newest_of_chat(origin.channel, origin.account, origin.chat, MOST_SUGGESTED)
        return [
            Suggestion(f"{task.name} ({self._state(call.language, task)})", task.id)
            for task in tasks
            if typed in task.name.casefold() or typed in task.id
        ]

    async def suggest_cancel(self, call: Call) -> list[Suggestion]:
        """The chat's newest tasks and its reminders."""
        found = await self._reminders.suggest(call, MOST_SUGGESTED)
        return [*await self.suggest(call), *found][:MOST_SUGGESTED]

    async def kimi(self, call: Call) -> Reply:
        say = self._catalogue.say
        try:
            wording = read_wording(call.arguments)
        except BadOption as fault:
            return Reply(f"⚠️ {fault.option}={fault.value} → {fault.option}={fault.allowed}")
        agents = self._agents()
        if wording.agent is not None and wording.agent not in agents:
            return Reply(f"⚠️ agent={wording.agent} → agent={', '.join(agents)}")
        if is_blank(wording.prompt) and not call.message.attachments:
            example = say(call.language, words.TASK_EXAMPLE)
            return Reply(say(call.language, words.TASK_EMPTY, example=example))
        model = wording.model or self._default_model
        opened = await call.open_files(wording.prompt, lambda: self._sees(model, wording.agent))
        request = TaskRequest(
            prompt=opened.text,
            model=model,
            requester=call.requester,
            language=call.language,
            name=wording.name,
            agent=wording.agent,
            temperature=wording.temperature,
            priority=wording.priority,
            notify=call.message.origin,
            reply_to=call.message.message_id,
            images=opened.images,
        )
        task_id, name, statement = self._tasks.create(request, self._per_user, self._most)
        return Reply(
            say(call.language, words.TASK_ACCEPTED, name=name),
            (statement, *self._tasks.keep_images(task_id, opened.images)),
            self._task_queued,
            await self._too_many(call),
            self._cancel_button(call, task_id),
        )

    async def show(self, call: Call) -> Reply:
        if call.arguments:
            return await self._show(call)
        origin = call.message.origin
        tasks = await self._tasks.newest_of_chat(origin.channel, origin.account, origin.chat, MOST_LISTED)
        reminders = await self._reminders.listed(call, MOST_LISTED)
        if not tasks:
            return Reply(reminders or self._catalogue.say(call.language, words.TASKS_EMPTY))
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
        told = "\n".join([self._catalogue.say(call.language, words.TASKS_HEADER), *lines])
        return Reply(f"{told}\n\n{reminders}" if reminders else told)

    async def cancel(self, call: Call) -> Reply:
        if call.arguments.startswith(ID_PREFIX):
            return await self._reminders.cancel(call)
        if not call.arguments and self._stop_turn(call):
            return Reply(self._catalogue.say(call.language, words.TURN_STOPPED))
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
        if task.state in {"queued", "running"}:
            state = self._state(call.language, task)
            return Reply(self._catalogue.say(call.language, words.RETRY_NOT_POSSIBLE, name=task.name, state=state))
        done = self._catalogue.say(call.language, words.RETRY_DONE, name=task.name)
        again = self._tasks.retry(task, self._per_user, self._most)
        button = self._cancel_button(call, task.id)
        return Reply(done, (again,), self._task_queued, await self._too_many(call), button)

    def _cancel_button(self, call: Call, task_id: str) -> tuple[Button, ...]:
        return (Button(self._catalogue.say(call.language, words.BUTTON_CANCEL), f"/cancel {task_id}"),)

    async def _too_many(self, call: Call) -> str:
        """Why no task can be taken, should it be so."""
        if sum((await self._tasks.counts()).values()) >= self._most:
            return self._catalogue.say(call.language, words.TASKS_FULL)
        return self._catalogue.say(call.language, words.TOO_MANY_TASKS, count=self._per_user)

    async def _show(self, call: Call) -> Reply:
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
        if not task.output:
            return Reply(details)
        return Reply(f"{escape_markdown(details)}\n\n{task.output}", format="markdown")

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
