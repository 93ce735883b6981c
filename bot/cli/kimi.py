"""`javis kimi`: give Kimi a task from the command line."""

import asyncio
import getpass
import re
from dataclasses import replace

import click

from bot import words
from bot.catalogue import Catalogue
from bot.cli.beside import is_among_stand_ins, settings_of_the_running_bot
from bot.cli.context import Files, Loaded, files_options, load, missing_key, open_desk
from bot.errors import JavisError, UsageError
from bot.methods.desk import Desk
from bot.methods.tasks import begin
from bot.settings.language_models import KIMI
from bot.storage.opening import bot_is_running
from bot.tasks.task import Priority, Task, TaskRequest
from bot.tasks.wording import BadOption, read_temperature
from bot.titles import is_blank
from channels.clock import SystemClock
from channels.message import Destination

POLL_SECONDS = 1.0
_CHAT_ID = re.compile(r"-?[0-9]{1,19}")


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("task")
@click.argument("name", default="")
@click.argument("chat", default="")
@click.argument("temperature", default="")
@click.option("--model", help="A model_name of the settings, or an id of Kimi's. Default: KIMI_MODEL.")
@click.option("--agent", help="An agent of bindings.yaml, which may use its tools. Default: the model alone.")
@click.option("--priority", type=click.Choice(["high", "normal", "low"]), default="normal", show_default=True)
@click.option("--wait", is_flag=True, help="Wait for the end and print the output.")
@files_options
def kimi(
    task: str,
    name: str,
    chat: str,
    temperature: str,
    model: str | None,
    agent: str | None,
    priority: Priority,
    wait: bool,
    files: Files,
) -> None:
    """Give Kimi a TASK to do in the background.

    The running bot works on it. A bare CHAT id means Telegram, and gets the notice; an empty one means nobody is
    told.
    """
    loaded = load(files)
    settings = settings_of_the_running_bot(loaded.settings)
    has_key = any(entry.model_name == KIMI and entry.api_key is not None for entry in settings.model_list)
    if model is None and agent is None and not has_key and not is_among_stand_ins(settings):
        raise missing_key(settings)
    if is_blank(task):
        raise UsageError('the task is empty: javis kimi "what Kimi should do"')
    request = TaskRequest(
        prompt=task,
        model=model or settings.kimi.model,
        requester=f"cli:{getpass.getuser()}",
        language=settings.language,
        name=name or None,
        agent=agent,
        temperature=_temperature(temperature),
        priority=priority,
        notify=_destination(chat),
    )
    asyncio.run(_dispatch(replace(loaded, settings=settings), request, wait=wait))


def _temperature(text: str) -> float | None:
    try:
        return read_temperature(text or None)
    except BadOption:
        raise UsageError(f"temperature {text!r} will not do: write a number from 0 to 2, or leave it out") from None


def _destination(chat: str) -> Destination | None:
    if not chat:
        return None
    if not _CHAT_ID.fullmatch(chat):
        raise UsageError(f"chat {chat!r} is no Telegram chat id: write the number, such as -1001234567890")
    return Destination("telegram", "default", chat)


async def _dispatch(loaded: Loaded, request: TaskRequest, *, wait: bool) -> None:
    settings, catalogue = loaded.settings, Catalogue.load()
    async with open_desk(loaded) as desk:
        created = await begin(desk, request)
        task_id = created["task_id"]
        click.echo(catalogue.say(settings.language, words.TASK_ACCEPTED, name=created["task_name"]))
        click.echo(task_id)
        if not await bot_is_running(settings.database, desk.storage):
            click.echo("No bot is running on this data: the task starts with the next `javis run`.", err=True)
            return
        if wait:
            task = await _ended(desk, task_id)
            if task.state != "succeeded":
                raise JavisError(f"the task is {task.state}: {task.error or 'see javis tasks show'}")
            click.echo(task.output)


async def _ended(desk: Desk, task_id: str) -> Task:
    clock = SystemClock()
    while True:
        task = await desk.tasks.get(task_id)
        if task is not None and task.finished is not None:
            return task
        await clock.sleep(POLL_SECONDS)
