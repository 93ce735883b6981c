"""The JSON Schema of bindings.yaml, for editors: what may stand there, and what it means.

The file that ships is what `bindings_schema` makes (a test says so); its types come from routing/entries.py. It knows
our own form alone, and nothing of agents that are not there.
"""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from routing.entries import FileEntry
from routing.file import NUMERIC_CHANNELS

_NUMBER: Final = {"anyOf": [{"type": ["integer", "null"]}, {"type": "string", "pattern": r"^-?[0-9]+$"}]}
# As routing.file sees names: a handle without a colon, or words with blanks between them.
_NO_NAME: Final = {"not": {"type": "string", "pattern": r"^([@#][^:]*|\S+\s(.|\n)*\S)$"}}
_NUMERIC: Final = "|".join(sorted(NUMERIC_CHANNELS))
_LINK: Final = (
    rf"^(({_NUMERIC}):(-?[0-9]+|\s+)"
    rf"|(?!({_NUMERIC}):)[^:]+:(?!([@#][^:]*|\S+\s(.|\n)*\S)$)(.|\n)+)$"
)

_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "FileEntry": {
        "agents": "The personalities that answer.",
        "bindings": "Which agent answers where. The closest match decides: thread, peer, sender, guild and roles, "
        "guild, account, channel; then more fields, higher priority, the order of the file.",
        "defaults": "What holds where no binding does.",
    },
    "AgentEntry": {
        "id": "What bindings call it.",
        "kind": "llm answers with a language model, echo repeats what it is told, gateway asks another program.",
        "name": "What people call it.",
        "model": "A model_name of javis.yaml, or the model to ask first and those to ask when it fails.",
        "workspace": "A folder with SOUL.md, MEMORY.md, HEARTBEAT.md, TOOLS.md.",
    },
    "BindingEntry": {
        "agent": "The id of the agent that answers.",
        "match": "All that is named must fit; what is left out may be anything.",
        "priority": "Between bindings of one tier with as many fields the higher one decides.",
    },
    "MatchEntry": {
        "channel": "telegram, discord, webhook, web, cli, or a plugin's.",
        "account": "Which of the channel's bots.",
        "peer": "The chat: a person's direct chat, a group, a channel.",
        "thread": "A topic or thread inside the chat.",
        "guild": "A Discord server.",
        "roles": "One of these roles is enough.",
        "sender": "Who wrote, by the platform's id.",
    },
    "DefaultsEntry": {
        "agent": "Who answers where no binding fits.",
        "dm_scope": "Who shares a memory in direct chats.",
        "identity_links": "A person's name, and their ids as <channel>:<id>.",
    },
}


def bindings_schema() -> dict[str, Any]:
    """The schema, as JSON data (draft 2020-12)."""
    schema = FileEntry.model_json_schema()
    definitions = schema["$defs"]
    for name, words in _WORDS.items():
        entry = schema if name == "FileEntry" else definitions[name]
        entry.pop("description", None)
        for key, text in words.items():
            entry["properties"][key]["description"] = text
    for key, kind in (("agents", "array"), ("bindings", "array"), ("defaults", "object")):
        _or_nothing(schema["properties"], key, kind)
    definitions["MatchEntry"]["allOf"] = [_ids_of_platforms()]
    links = definitions["DefaultsEntry"]["properties"]["identity_links"]
    (person,) = links["patternProperties"]
    links["patternProperties"] = {person: {"type": "array", "items": {"type": "string", "pattern": _LINK}}}
    links["additionalProperties"] = False
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "bindings.yaml of Javis"}
    return head | {key: value for key, value in schema.items() if key != "title"}


def schema_path() -> Path:
    """Where the schema lies that ships with the package."""
    return Path(str(files("routing") / "bindings.schema.json"))


def _or_nothing(properties: dict[str, Any], key: str, kind: str) -> None:
    """A key below which everything is commented out says nothing."""
    entry = properties[key]
    reference = entry.pop("$ref", None)
    if reference is not None:
        entry["anyOf"] = [{"$ref": reference}, {"type": "null"}]
    else:
        entry["type"] = [kind, "null"]


def _ids_of_platforms() -> dict[str, Any]:
    """Ids are numbers on some platforms, and names on none."""
    return {
        "if": {"properties": {"channel": {"enum": sorted(NUMERIC_CHANNELS)}}, "required": ["channel"]},
        "then": _every_id(_NUMBER),
        "else": _every_id(_NO_NAME),
    }


def _every_id(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "properties": {
            **dict.fromkeys(("thread", "guild", "sender"), schema),
            "peer": {"properties": {"id": schema}},
            "roles": {"items": schema},
        }
    }
