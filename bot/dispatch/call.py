"""One task's question to its model or its agent, and what its end means for the task."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from bot.agents.port import Agent, AgentFailed, Sees, Turn
from bot.catalogue import LANGUAGES, Language
from bot.images import Image
from bot.providers.attempt import NoAnswer
from bot.providers.meter import Asker
from bot.providers.models import Models
from bot.providers.port import ChatMessage, Completion, CompletionRequest
from bot.sessions.transcript import Record
from bot.settings.language_models import KIMI
from bot.tasks.store import Outcome
from bot.tasks.task import Task
from bot.tools.unattended import IsOwner, unattended
from channels.clock import Clock, deadline

PATIENCE_SECONDS: Final = 120.0
"""How long a task waits in all for keys that cool down; nobody stands and waits for it."""


async def sees(models: Models, agents: Mapping[str, Agent], model: str, agent: str | None) -> bool:
    """Whether a task's model, or its agent where it has one, is shown images."""
    if agent is None:
        return models.sees([model if model in models.names else KIMI])
    doing: object = agents.get(agent)
    return isinstance(doing, Sees) and await doing.sees(f"agent:{agent}:task")


async def ask_agent(
    task: Task, images: Sequence[Image], agent: Agent | None, clock: Clock, timeout_seconds: float, is_owner: IsOwner
) -> Outcome:
    """Let an agent do it, with the tools that the requester may use there; None: it is gone."""
    if agent is None:
        return Outcome("failed", error="unknown_agent")
    turn = replace(_turn(task, agent.id, clock, is_owner), images=images)
    try:
        async with deadline(clock, timeout_seconds):
            answer = await agent.answer(turn)
    except TimeoutError:
        return Outcome("timed_out", error="timed_out")
    except AgentFailed as failure:
        return Outcome("failed", error=failure.reason)
    usage = answer.usage
    return Outcome(
        "succeeded",
        output=answer.text,
        answered_by=answer.model or agent.id,
        prompt_tokens=usage.prompt if usage else 0,
        completion_tokens=usage.completion if usage else 0,
        total_tokens=answer.tokens,
        also=[statement for effect in answer.effects for statement in effect.statements],
        after=[effect.after for effect in answer.effects if effect.after is not None],
    )


def _turn(task: Task, agent: str, clock: Clock, is_owner: IsOwner) -> Turn:
    """Where nobody is to be told there is no place to act in, and no tools."""
    key, place = f"agent:{agent}:task:{task.id}", task.notify
    channel, _, sender = task.requester.partition(":")
    principal = None
    if place is not None:
        here = sender if channel == place.channel else ""
        principal = unattended(agent, key, place, here, _language(task), is_owner)
    return Turn(
        session_key=key,
        text=task.prompt,
        sender_name="",
        is_direct=True,
        moment=clock.now(),
        history=_no_history,
        peer=None if place is None else f"{place.channel}:{place.chat}",
        principal=principal,
        temperature=task.temperature,
    )


def _language(task: Task) -> Language:
    return next((each for each in LANGUAGES if each == task.language), "zh-Hant")


async def _no_history(_most: int) -> list[Record]:
    return []


async def ask_model(
    task: Task, images: Sequence[Image], models: Models, clock: Clock, timeout_seconds: float
) -> Outcome:
    """Ask once, without streaming; the outcome is never an exception but cancellation.

    `task.model` is a name of the settings; any other text is an id at Kimi's own endpoint.
    """
    request = CompletionRequest([ChatMessage("user", task.prompt, images=images)], task.temperature)
    peer = None if task.notify is None else f"{task.notify.channel}:{task.notify.chat}"
    try:
        async with deadline(clock, timeout_seconds):
            answered = await models.ask(
                [task.model],
                request,
                Asker(KIMI, peer),
                ids_of=KIMI,
                call_seconds=None,
                patience_seconds=PATIENCE_SECONDS,
            )
    except TimeoutError:
        return Outcome("timed_out", error="timed_out")
    except NoAnswer as failure:
        return Outcome("failed", error=failure.reason)
    return _answered(answered.completion)


def _answered(completion: Completion) -> Outcome:
    usage = completion.usage
    return Outcome(
        "succeeded",
        output=completion.text,
        answered_by=completion.model,
        prompt_tokens=usage.prompt,
        completion_tokens=usage.completion,
        total_tokens=usage.total,
    )
