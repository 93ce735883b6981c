from pathlib import Path

import pytest

from routing.binding import Binding, Match, PeerPattern
from routing.faults import FileFaults
from routing.file import BindingsFile, load_bindings
from routing.table import Defaults

ROOT = Path(__file__).parents[3]


def read(folder: Path, text: str, name: str = "bindings.yaml") -> BindingsFile:
    path = folder / name
    path.write_text(text, "utf-8")
    return load_bindings(path)


def complaints(folder: Path, text: str) -> list[str]:
    """What is wrong in `text`, without the folder's path."""
    with pytest.raises(FileFaults) as caught:
        read(folder, text)
    return [str(fault).removeprefix(f"{folder}/") for fault in caught.value.faults]


@pytest.mark.parametrize("id_", ["+886912345678", "0912345678", "-100"])
def test_id_in_digits_is_read_as_it_is_written(tmp_path: Path, id_: str) -> None:
    """Telephone numbers are ids on some platforms, with their sign and their zeros."""
    text = f"agents: [{{id: main}}]\nbindings: [{{agent: main, match: {{channel: signal, sender: {id_}}}}}]\n"
    assert read(tmp_path, text).bindings[0].match.sender == id_


def test_every_field_is_read_with_its_line(tmp_path: Path) -> None:
    file = read(
        tmp_path,
        """\
defaults: {agent: main, dm_scope: per-peer, identity_links: {alice: ["telegram:1", "discord:2"]}}
agents:
  - {id: main, name: Javis, model: {primary: kimi, fallbacks: [spare]}, temperature: 1, tools: [web]}
  - {id: ops, kind: echo}
bindings:
  - agent: ops
    priority: 3
    match:
      channel: discord
      account: work
      peer: {kind: channel, id: "500"}
      thread: "600"
      guild: "1"
      roles: ["11", "12"]
      sender: "8"
  - {agent: main, match: {}}
""",
    )
    match = Match("discord", "work", PeerPattern("channel", "500"), "600", "1", frozenset({"11", "12"}), "8")
    assert file.bindings == (Binding("ops", match, 3, line=6), Binding("main", Match(), line=16))
    assert file.defaults == Defaults("main", "per-peer", {"alice": ["telegram:1", "discord:2"]})
    assert [(agent.id, agent.kind, agent.max_tool_iterations) for agent in file.agents] == [
        ("main", "llm", 20),
        ("ops", "echo", 20),
    ]


def test_bare_whole_numbers_are_ids(tmp_path: Path) -> None:
    file = read(
        tmp_path,
        "agents: [{id: main}]\nbindings:\n- {agent: main, match: {channel: telegram, peer: {id: -1001234567890}}}\n",
    )
    assert file.bindings[0].match.peer.id == "-1001234567890"


def test_json_is_read_too(tmp_path: Path) -> None:
    text = '{"agents": [{"id": "main"}],\n "bindings": [\n  {"agent": "main", "match": {"sender": "5"}}]}'
    assert read(tmp_path, text, "bindings.json").bindings == (Binding("main", Match(sender="5"), line=3),)


def test_shipped_file_is_in_order() -> None:
    file = load_bindings(ROOT / "bindings.yaml")
    assert [(agent.id, agent.kind, agent.model) for agent in file.agents] == [("main", "llm", "kimi")]
    assert file.defaults == Defaults()


def test_shipped_examples_are_in_order_when_the_comment_signs_go(tmp_path: Path) -> None:
    text = (ROOT / "bindings.yaml").read_text("utf-8").replace("\n#  - ", "\n  - ").replace("\n#    ", "\n    ")
    file = read(tmp_path, text.replace("bindings: []", "bindings:"))
    assert [binding.agent for binding in file.bindings] == ["parrot"]
    assert file.agents[1].kind == "echo"


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    text = """\
defaults: {agent: mian}
agents:
  - {id: main, modle: kimi}
  - {id: main}
  - {id: Ops}
bindings:
  - {agent: mainn, match: {channel: telegram, sender: "@bob"}}
  - {agent: main, match: {peer: {kind: grup, nick: bob}}, priority: high}
"""
    assert complaints(tmp_path, text) == [
        "bindings.yaml:1:19: unknown agent 'mian': did you mean 'main'?",
        "bindings.yaml:3:16: unknown key 'modle': did you mean 'model'?",
        "bindings.yaml:4:10: agent 'main' stands in line 3 already: rename one",
        "bindings.yaml:5:10: agents[2].id must be lower-case letters, digits, - and _ (64 at most, no sign in front)",
        "bindings.yaml:7:13: unknown agent 'mainn': did you mean 'main'?",
        "bindings.yaml:7:55: '@bob' is a name, not an id: names can change hands, write the platform's immutable id",
        "bindings.yaml:8:40: bindings[1].match.peer.kind must be 'direct', 'group' or 'channel': did you mean 'group'?",
        "bindings.yaml:8:46: 'nick' is no id: names can change hands, a match takes the platform's immutable ids only",
        "bindings.yaml:8:69: bindings[1].priority must be a whole number",
    ]


@pytest.mark.parametrize(
    "match",
    [
        "{sender: '@bob'}",
        "{peer: {id: '#general'}}",
        "{guild: The Guild}",
        "{channel: telegram, sender: bob}",
        "{channel: telegram, peer: {id: '-100 123'}}",
        "{channel: discord, roles: ['11', admins]}",
        "{channel: discord, thread: help}",
    ],
)
def test_name_where_an_id_belongs_is_a_fault_that_says_so(tmp_path: Path, match: str) -> None:
    (complaint,) = complaints(tmp_path, f"agents: [{{id: main}}]\nbindings: [{{agent: main, match: {match}}}]")
    assert "is a name, not an id" in complaint


@pytest.mark.parametrize("key", ["username", "nick", "name", "handle"])
def test_key_that_means_a_name_is_a_fault_that_says_so(tmp_path: Path, key: str) -> None:
    (complaint,) = complaints(tmp_path, f"agents: [{{id: main}}]\nbindings: [{{agent: main, match: {{{key}: bob}}}}]")
    assert complaint == (
        f"bindings.yaml:2:34: {key!r} is no id: names can change hands, a match takes the platform's immutable ids only"
    )


@pytest.mark.parametrize("id_", ["webhook-user", "@person:example.org", "U024BE7LH"])
def test_words_are_ids_where_the_platform_may_have_such(tmp_path: Path, id_: str) -> None:
    file = read(tmp_path, f"agents: [{{id: main}}]\nbindings: [{{agent: main, match: {{sender: '{id_}'}}}}]")
    assert file.bindings[0].match.sender == id_


@pytest.mark.parametrize(
    ("binding", "words"),
    [
        (
            "{agentId: main, match: {channel: telegram, accountId: work, peer: {kind: dm, id: '5'}}}",
            "`agent` for `agentId`; `match.account` for `accountId`",
        ),
        (
            "{agent_id: main, channel: telegram, peer_id: '5', priority: 1}",
            "`agent` for `agent_id`; `match.channel` for `channel`; `match.peer.id` for `peer_id`",
        ),
        (
            "{agent_id: main, tier: 1, match_key: channel, match_value: telegram}",
            "`agent` for `agent_id`; `match` for `tier`, `match_key`, `match_value`",
        ),
    ],
)
def test_another_programs_form_among_ours_is_one_fault_that_tells_the_words_here(
    tmp_path: Path, binding: str, words: str
) -> None:
    (complaint,) = complaints(
        tmp_path, f"agents: [{{id: main}}]\nbindings:\n- {binding}\n- {{agent: main, match: {{}}}}\n"
    )
    assert (
        complaint == f"bindings.yaml:3:3: bindings[0] is in another program's form, unlike others here: write {words}"
    )


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("true", "must be the platform's id, as text in quotes or as a whole number"),
        ("1.5", "must be the platform's id, as text in quotes or as a whole number"),
        ("[5]", "must be the platform's id, as text in quotes or as a whole number"),
        ("''", "must be the platform's id, but is empty"),
        ("'*'", "must be an id; for any id leave the key out"),
    ],
)
def test_value_that_is_no_id_is_a_fault(tmp_path: Path, value: str, words: str) -> None:
    text = f"agents: [{{id: main}}]\nbindings: [{{agent: main, match: {{channel: telegram, sender: {value}}}}}]"
    (complaint,) = complaints(tmp_path, text)
    assert complaint.startswith("bindings.yaml:2:")
    assert complaint.endswith(f": bindings[0].match.sender {words}")


def test_empty_file_lacks_its_default_agent(tmp_path: Path) -> None:
    assert complaints(tmp_path, "# nothing yet\n") == [
        "bindings.yaml:1:1: unknown agent 'main': add it under `agents`, as - {id: main}"
    ]


def test_default_agent_unknown_hides_no_fault_at_the_same_place(tmp_path: Path) -> None:
    assert len(complaints(tmp_path, "agens: []\n")) == 2


@pytest.mark.parametrize(
    ("links", "words"),
    [
        ("{alice: [telegram:1], bob: [Telegram:1]}", "is linked to 'alice' already"),
        ("{alice: [telegram]}", "must read <channel>:<id>"),
        ("{alice: ['telegram:@alice']}", "has a name, not an id"),
        ("{Alice: []}", "must be lower-case letters"),
    ],
)
def test_identity_link_that_cannot_be_meant_is_a_fault(tmp_path: Path, links: str, words: str) -> None:
    (complaint,) = complaints(tmp_path, f"agents: [{{id: main}}]\ndefaults: {{identity_links: {links}}}")
    assert complaint.startswith("bindings.yaml:2:")
    assert words in complaint


@pytest.mark.parametrize("text", ["agents: 5", "agents: [5]\nbindings: {a: 1}\ndefaults: []", "[]", "bindings: [[]]"])
def test_wrong_shape_is_told_not_raised_as_something_else(tmp_path: Path, text: str) -> None:
    assert complaints(tmp_path, text)


def test_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileFaults, match="there is no such file"):
        load_bindings(tmp_path / "bindings.yaml")


def test_file_all_in_another_programs_form_is_read_as_that_program_does(tmp_path: Path) -> None:
    file = read(
        tmp_path,
        """\
agents: [{id: main}, {id: ops}]
bindings:
- {agentId: ops, match: {channel: telegram, peer: {kind: dm, id: "5"}}}
- agentId: main
  match: {channel: discord, accountId: "*"}
""",
    )
    assert file.form == "OpenClaw"
    assert file.bindings == (
        Binding("ops", Match("telegram", "default", PeerPattern("direct", "5")), line=3),
        Binding("main", Match("discord"), line=4),
    )
