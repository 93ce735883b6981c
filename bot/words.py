"""All that the bot says in its own words: the English sentences, by which bot/locale knows their translations.
Those that tell why stand beside their codes (bot/reasons.py).

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
TASKS_FULL: Final = "There are too many unfinished tasks for now, other people's included. Try again later."

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
BUDGET_SPENT: Final = "Today's budget for my model is used up. It begins anew tomorrow, or when my owner allows more."
RUNNER_FAILED: Final = "Whoever worked on it reported a failure."
KEY_EXHAUSTED: Final = (
    "⚠️ The account behind a model key is used up ({provider}, key {key}). Top it up, or take the key out of "
    "model_list. javis models probe tells whether it works again."
)
KEY_REFUSED: Final = (
    "⚠️ A model key is refused ({provider}, key {key}). Put the right one into the settings. "
    "javis models probe tells whether it works."
)
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
        "budget_spent": BUDGET_SPENT,
        "interrupted": INTERRUPTED,
        "runner_failed": RUNNER_FAILED,
    }
)
"""By the reason of a failed turn (bot.agents.port.FailureReason) or task; SOMETHING_WENT_WRONG for any other."""

# Commands
UNKNOWN_COMMAND: Final = "I do not know the command {command}. /help shows those that I know."
QUESTION_EMPTY: Final = "What would you like to ask? Write it after /ask."
START: Final = (
    "👋 Hello, I am {bot}.\n"
    "Just write to me. For longer work write “Kimi: …”; I do it in the background and report back.\n"
    "/help shows all that I can do."
)
HELP_HEADER: Final = "This is what I can do:"
HELP_LINE: Final = "{command} – {description}"
HELP_KIMI: Final = "Kimi: … – the same as /kimi"
NEW_DONE: Final = "🆕 A fresh conversation begins. What was said before is archived."
MODEL_SHOWN: Final = (
    "Model of this conversation: {model}\n"
    "There are: {models}\n"
    "Choose one with /model NAME; /model off takes the agent's own again."
)
MODEL_OWN: Final = "the agent's own"
MODEL_CHOSEN: Final = "🤖 From now on this conversation is answered by {model}."
MODEL_RESET: Final = "🤖 This conversation is answered by the agent's own model again."
MODEL_UNKNOWN: Final = "There is no model {model} to choose. There are: {models}"
MODEL_OWNERS_ONLY: Final = "Only my owners may choose my model."

STATUS_RUNNING: Final = "🟢 Javis {version}, running for {uptime}"
STATUS_AGENT: Final = "Agent: {agent}"
STATUS_TASKS: Final = "Tasks: {running} running, {queued} waiting"
STATUS_USED_BOT: Final = "Model use of the whole bot today: {tokens} tokens, {money}"
STATUS_USED_AGENT: Final = "Of this agent: {tokens} tokens, {money}"
STATUS_USED_CHAT: Final = "Model use of this chat today: {tokens} tokens, {money}"

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

# What an agent wants to do
APPROVAL_ASKED: Final = "🔐 May I do this with {tool}? Only you can allow it, within {minutes} minutes:"
APPROVAL_GIVEN: Final = "✅ Allowed: {tool}"
APPROVAL_DENIED: Final = "🚫 Not allowed: {tool}"
APPROVAL_OVER: Final = "This question is over: it was answered, or it is too old."
APPROVAL_NOT_YOURS: Final = "Only the person who was asked can answer this."
BUTTON_ALLOW: Final = "Allow"
BUTTON_DENY: Final = "Do not allow"

TURN_STOPPED: Final = "🛑 Stopped."
BUTTON_CANCEL: Final = "Cancel"
BUTTON_RETRY: Final = "Try again"
BUTTON_RESULT: Final = "Full result"

# Reminders and other jobs
REMINDER_SET: Final = "⏰ I will remind you: {text}\n{when}\nCancel: /cancel {job}"
REMINDER: Final = "⏰ {text}"
REMINDER_OVER: Final = "That moment is over. When shall I remind you?"
TOO_MANY_REMINDERS: Final = "You have {count} reminders already. Cancel one first: /tasks"
REMINDERS_HEADER: Final = "⏰ Your reminders:"
REMINDERS_LINE: Final = "• {when} – {text}\n  /cancel {job}"
REMINDER_CANCELLED: Final = "🚫 No longer reminding you: {text}"
JOB_FAILED: Final = "⚠️ “{name}” failed and will not run again: {job}\n{reason}"
JOB_SWITCHED_OFF: Final = "⚠️ “{name}” failed {count} times in a row and is switched off: {job}"

# What the owner is told
WAS_AWAY: Final = (
    "⚠️ I was away from {channel} for {hours} hours. What was written to me more than 24 hours ago is lost there: "
    "please ask people to write it again."
)
SET_ASIDE: Final = (
    "⚠️ A message stopped me {count} times while I worked on it, so I set it aside. What happened: javis trace {message}"
)

# Bindings
BINDINGS_FAULTY: Final = "⚠️ The bindings have faults, so the last good version stays in force:\n{faults}"
BIND_SHOWN: Final = (
    "🔗 {agent} answers here: {why}\n"
    "/bind <agent> gives this chat to another ({agents}); /bind off takes its own binding away."
)
BIND_DONE: Final = "✅ From now on {agent} answers here."
BIND_REMOVED: Final = "✅ This chat’s own binding is gone; {agent} answers here."
BIND_NONE: Final = "This chat has no binding of its own; {agent} answers here."
BIND_OWNERS_ONLY: Final = "Only my owner may say who answers where."
BIND_UNKNOWN: Final = "I know no agent {agent}. There are: {agents}"
BIND_FAILED: Final = "⚠️ The bindings stay as they are:\n{faults}"

# The road of a message
WHY_HEADER: Final = "🔎 The road of that message:"
WHY_NOT_FOUND: Final = "I know nothing of that message. Reply with /why to one of yours, or to my answer to it."
WHY_NOT_YOURS: Final = "I tell the road of a message only to the person who wrote it, and to my owner."
STEP_GATE: Final = "Admission"
STEP_BINDING: Final = "Agent chosen"
STEP_SESSION: Final = "Conversation"
STEP_COMMAND: Final = "Command"
STEP_TURN: Final = "Answering"
STEP_MODEL: Final = "Model asked"
STEP_DELIVERY: Final = "Delivery"
STEP_END: Final = "End"
DELIVERY_QUEUED: Final = "It waits to be sent."
DELIVERY_ATTEMPTING: Final = "It is being sent."
DELIVERY_SENT: Final = "It has arrived."
DELIVERY_FAILED: Final = "It was not delivered."
DELIVERY_UNKNOWN: Final = "Nobody can tell whether it has arrived."

ROAD_STEPS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "gate": STEP_GATE,
        "binding": STEP_BINDING,
        "session": STEP_SESSION,
        "command": STEP_COMMAND,
        "turn": STEP_TURN,
        "model": STEP_MODEL,
        "delivery": STEP_DELIVERY,
        "end": STEP_END,
    }
)
"""By bot.trace.road.StepName."""

DELIVERY_STATES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "queued": DELIVERY_QUEUED,
        "attempting": DELIVERY_ATTEMPTING,
        "sent": DELIVERY_SENT,
        "failed": DELIVERY_FAILED,
        "unknown": DELIVERY_UNKNOWN,
    }
)
"""By bot.delivery.item.State."""

# What was said
HISTORY_HEADER: Final = "🕘 What was said last ({shown} of {count}):"
HISTORY_LINE: Final = "{time} {speaker}: {text}"
HISTORY_EMPTY: Final = "Nothing has been said in this conversation yet."
HISTORY_SHARED: Final = "Several people share this conversation; only my owner may read it."
HISTORY_ME: Final = "I"
HISTORY_SOMEBODY: Final = "somebody"

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
NAME_MODEL: Final = "model"
NAME_STATUS: Final = "status"
NAME_BIND: Final = "bind"
NAME_HELP: Final = "help"
NAME_START: Final = "start"
NAME_WHY: Final = "why"
NAME_HISTORY: Final = "history"

# What may follow a command's name
ARGUMENT_TASK: Final = "The task, with options such as name=… or priority=high before it"
ARGUMENT_QUESTION: Final = "Your question"
ARGUMENT_TASK_ID: Final = "The task: choose one, or write its id"
ARGUMENT_MODEL: Final = "The name of a model, or off"
ARGUMENT_AGENT: Final = "The agent that answers here; off takes the binding away"
ARGUMENT_MESSAGE: Final = "The message's id; none: your last message, or the one you reply to"
ARGUMENT_COUNT: Final = "How many messages, at most 50"

# Command menu: one line each
COMMAND_KIMI: Final = "Give Kimi a task in the background"
COMMAND_ASK: Final = "Ask me something"
COMMAND_TASKS: Final = "Show your tasks, or one with its full result"
COMMAND_CANCEL: Final = "Cancel a task"
COMMAND_RETRY: Final = "Try a task again"
COMMAND_NEW: Final = "Begin a fresh conversation"
COMMAND_MODEL: Final = "Choose the model of this conversation (owners)"
COMMAND_STATUS: Final = "Show how I am doing"
COMMAND_BIND: Final = "Choose which agent answers here"
COMMAND_HISTORY: Final = "Show what was said last"
COMMAND_WHY: Final = "Tell what became of a message, and why"
COMMAND_HELP: Final = "Show all that I can do"
COMMAND_START: Final = "Get to know me"
