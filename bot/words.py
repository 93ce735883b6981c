"""All that the bot says in its own words: the English sentences, by which bot/locale knows their translations.

A name in braces is a value that `Catalogue.say` is given. After a change write the sentence into each
locale/*/LC_MESSAGES/javis.po and run `pybabel compile -d bot/locale -D javis`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

# Background tasks
TASK_ACCEPTED: Final = "✅ Kimi task dispatched: {name}\nYou will be told when it is done!"
TASK_DONE: Final = (
    "✅ Kimi task done!\n"
    "\n"
    "📋 Task: {name}\n"
    "🤖 Model: {model}\n"
    "💾 Tokens: {prompt_tokens} (prompt) + {completion_tokens} (completion) = {total_tokens}\n"
    "\n"
    "📝 Summary:\n"
    "{summary}\n"
    "\n"
    "💡 Full result: {command}"
)
TASK_FAILED: Final = "❌ Kimi task failed: {name}\nReason: {reason}\nTry again: {command}"
TASK_TIMED_OUT: Final = "⌛ Kimi task stopped after {seconds} seconds without a result: {name}\nTry again: {command}"
TASK_CANCELLED: Final = "🚫 Kimi task cancelled: {name}"
TASK_STILL_RUNNING: Final = "⏳ Kimi is still working on it ({seconds} seconds so far): {name}"
TASK_EMPTY: Final = "What should Kimi do? Write the task after the colon, like this:\nKimi: {example}"
TASK_EXAMPLE: Final = "summarise the three most important ideas of the Stoics"
TOO_MANY_TASKS: Final = "You have {count} unfinished tasks already. Wait for one to finish, or cancel one: /tasks"

# The key
MISSING_KEY: Final = "The environment variable KIMI_API_KEY is not set"
HOW_TO_SET_KEY: Final = (
    "Get a key at https://platform.moonshot.cn, set it with export KIMI_API_KEY=… and start Javis again."
)

# What went wrong
MODEL_UNREACHABLE: Final = "I cannot reach my model right now. Please try again in a moment."
MODEL_BUSY: Final = "My model is very busy right now. Please try again in a minute."
MODEL_REFUSED: Final = "My model will not answer this. Try to put it differently."
MODEL_MISCONFIGURED: Final = "I cannot answer until my owner has looked at my model settings."
INTERRUPTED: Final = "The work was interrupted."
SOMETHING_WENT_WRONG: Final = "Something went wrong on my side. Please try again."
TRY_AGAIN: Final = "I could not take that down. Please try again in a moment."
POSSIBLE_DUPLICATE: Final = "(You may have received this message already.)"

FAILURES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "model_unreachable": MODEL_UNREACHABLE,
        "model_busy": MODEL_BUSY,
        "model_refused": MODEL_REFUSED,
        "model_misconfigured": MODEL_MISCONFIGURED,
        "interrupted": INTERRUPTED,
    }
)
"""By the reason of a failed turn (bot.agents.port.FailureReason) or task; SOMETHING_WENT_WRONG for any other."""

# Commands
UNKNOWN_COMMAND: Final = "I do not know the command {command}. /help shows those that I know."
START: Final = (
    "👋 Hello, I am {bot}.\n"
    "Just write to me. For longer work write “Kimi: …”; I do it in the background and report back.\n"
    "/help shows all that I can do."
)
HELP_HEADER: Final = "This is what I can do:"
HELP_LINE: Final = "{command} – {description}"
HELP_KIMI: Final = "Kimi: … – the same as /kimi"
NEW_DONE: Final = "🆕 A fresh conversation begins. What was said before is archived."

STATUS_RUNNING: Final = "🟢 Javis {version}, running for {uptime}"
STATUS_AGENT: Final = "Agent: {agent}"
STATUS_MODEL: Final = "Model: {model}"
STATUS_SESSION: Final = "Messages in this conversation: {count}"
STATUS_TASKS: Final = "Tasks: {running} running, {queued} waiting"

TASKS_HEADER: Final = "📋 Your tasks:"
TASKS_LINE: Final = "• {name} ({state})\n  {task}"
TASKS_EMPTY: Final = "There are no tasks yet. Begin one with “Kimi: …”."
TASK_DETAILS: Final = "📋 {name}\nState: {state}\nModel: {model}\nId: {task}"
TASK_NOT_FOUND: Final = "I find no task {task} of yours. /tasks lists them."
WHICH_TASK: Final = "Which task? Write its id after {command}; /tasks lists them."
CANCEL_DONE: Final = "🚫 Cancelled: {name}"
CANCEL_NOT_POSSIBLE: Final = "“{name}” cannot be cancelled: it is {state}."
RETRY_DONE: Final = "🔁 Trying again: {name}"
RETRY_NOT_POSSIBLE: Final = "“{name}” cannot be tried again: it is {state}."

STATE_QUEUED: Final = "waiting"
STATE_RUNNING: Final = "running"
STATE_SUCCEEDED: Final = "done"
STATE_FAILED: Final = "failed"
STATE_TIMED_OUT: Final = "timed out"
STATE_CANCELLED: Final = "cancelled"

TASK_STATES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "queued": STATE_QUEUED,
        "running": STATE_RUNNING,
        "succeeded": STATE_SUCCEEDED,
        "failed": STATE_FAILED,
        "timed_out": STATE_TIMED_OUT,
        "cancelled": STATE_CANCELLED,
    }
)
"""By bot.tasks.task.TaskState."""

BUTTON_CANCEL: Final = "Cancel"
BUTTON_RETRY: Final = "Try again"
BUTTON_RESULT: Final = "Full result"

# Pairing
PAIRING_CODE: Final = (
    "👋 We have not met yet. My owner lets you in with this code:\n"
    "{code}\n"
    "\n"
    "javis pairing approve {code}\n"
    "\n"
    "The code is good for one hour."
)

# Command names, where a platform translates them: lower case, no blank
NAME_KIMI: Final = "kimi"
NAME_ASK: Final = "ask"
NAME_TASKS: Final = "tasks"
NAME_CANCEL: Final = "cancel"
NAME_RETRY: Final = "retry"
NAME_NEW: Final = "new"
NAME_STATUS: Final = "status"
NAME_HELP: Final = "help"
NAME_START: Final = "start"

# What may follow a command's name
ARGUMENT_TASK: Final = "The task, with options such as name=… or priority=high before it"
ARGUMENT_QUESTION: Final = "Your question"
ARGUMENT_TASK_ID: Final = "The task: choose one, or write its id"

# Command menu: one line each
COMMAND_KIMI: Final = "Give Kimi a task in the background"
COMMAND_ASK: Final = "Ask me something"
COMMAND_TASKS: Final = "Show your tasks, or one with its full result"
COMMAND_CANCEL: Final = "Cancel a task"
COMMAND_RETRY: Final = "Try a task again"
COMMAND_NEW: Final = "Begin a fresh conversation"
COMMAND_STATUS: Final = "Show how I am doing"
COMMAND_HELP: Final = "Show all that I can do"
COMMAND_START: Final = "Get to know me"
