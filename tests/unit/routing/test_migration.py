import json

import pytest

from routing.binding import Binding, Match, PeerPattern
from routing.document import parse_document
from routing.edit import with_agent
from routing.errors import CannotEdit
from routing.faults import FileFaults
from routing.file import read_bindings
from routing.migration import migrate

TEXT = """\
# Who answers whom
agents: [{id: main}, {id: ops}]   # two
bindings:
  # the boss
  - agentId: ops  # not main
    match:
      channel: telegram
      # by id
      peer: {kind: dm, id: "5"}  # Anna

  - {agentId: main, match: {channel: telegram, accountId: "*"}}   # the rest
  # slack is gone
  - {agentId: ops, match: {channel: slack, teamId: T1}}
  - {agentId: ops, match: {channel: irc, peer: {kind: group, id: x}}}
defaults: {dm_scope: main}
"""


def test_comments_and_order_stay_where_the_bindings_alone_were_in_another_form() -> None:
    made = migrate(TEXT, "b.yaml")
    assert made.form == "OpenClaw"
    assert (
        made.text
        == """\
# Who answers whom
agents: [{id: main}, {id: ops}]   # two
bindings:
  # the boss
  - # not main
    # by id
    {agent: ops, match: {channel: telegram, account: default, peer: {kind: direct, id: "5"}}}  # Anna

  - {agent: main, match: {channel: telegram}}   # the rest
  # slack is gone
  - {agent: ops, match: {channel: irc, account: default, peer: {kind: group, id: x}}}
  - {agent: ops, match: {channel: irc, account: default, peer: {kind: channel, id: x}}}
defaults: {dm_scope: main}
"""
    )
    assert made.changes[0].startswith("b.yaml:5: → ops for channel telegram, account default")
    assert "b.yaml:13: → left out: it never decided" in made.changes
    assert "b.yaml:13: `teamId` has no counterpart here: it is left out" in made.changes


def test_migrated_file_is_in_our_form_and_stays_as_it_is() -> None:
    text = TEXT
    once = migrate(text, "b.yaml")
    again = migrate(once.text, "b.yaml")
    assert (again.text, again.changes, again.form) == (once.text, (), None)
    ours = read_bindings(parse_document(once.text, "b.yaml")).bindings
    theirs = read_bindings(parse_document(text, "b.yaml")).bindings
    assert [(each.agent, each.match, each.priority) for each in ours] == [
        (each.agent, each.match, each.priority) for each in theirs
    ]


def test_whole_openclaw_file_becomes_one_of_ours() -> None:
    text = """{
  "agents": {"list": [{"id": "home", "default": true, "name": "Home", "agentDir": "~/x"}, {"id": "work"}]},
  "session": {"dmScope": "per-peer", "identityLinks": {"alice": ["telegram:1"]}},
  "channels": {"telegram": {}},
  "bindings": [{"agentId": "work", "match": {"channel": "telegram", "accountId": "biz"}}]
}"""
    made = migrate(text, "openclaw.json", "bindings.yaml")
    file = read_bindings(parse_document(made.text, "bindings.yaml"))
    assert made.text.startswith("# Made of openclaw.json, which was in the form of OpenClaw.\n")
    assert [(agent.id, agent.name) for agent in file.agents] == [("home", "Home"), ("work", None)]
    assert (file.defaults.agent, file.defaults.dm_scope) == ("home", "per-peer")
    assert file.defaults.identity_links == {"alice": ["telegram:1"]}
    assert file.bindings == (Binding("work", Match("telegram", "biz"), line=7),)


def test_first_agent_of_openclaw_is_its_default_where_none_is_marked() -> None:
    text = """{"agents": {"list": [{"id": "Work"}, {"id": "main"}]},
  "bindings": [{"agentId": "gone", "match": {"channel": "irc"}}, {"agentId": "work", "match": {"channel": "slack"}}]}"""
    file = read_bindings(parse_document(migrate(text, "openclaw.json", "b.yaml").text, "b.yaml"))
    assert [agent.id for agent in file.agents] == ["work", "main"]
    assert file.defaults.agent == "work"
    assert [each.agent for each in file.bindings] == ["work", "work"]


OURS_IN_JSON = """{
 "defaults": {"agent": "ops"},
 "agents": [{"id": "ops", "kind": "echo", "tools": [], "max_tokens": 5}],
 "bindings": [{"agentId": "ops", "match": {"channel": "irc"}}]
}
"""


@pytest.mark.parametrize("target", ["b.json", "b.yaml"])
def test_nothing_but_the_bindings_changes_where_the_rest_is_ours(target: str) -> None:
    made = migrate(OURS_IN_JSON, "b.json", target)
    file = read_bindings(parse_document(made.text, target))
    (agent,) = file.agents
    assert (agent.id, agent.kind, agent.tools, agent.max_tokens) == ("ops", "echo", [], 5)
    assert (file.defaults.agent, file.defaults.dm_scope) == ("ops", "per-channel-peer")
    assert [each.match for each in file.bindings] == [Match("irc", "default")]


@pytest.mark.parametrize(
    "text", [OURS_IN_JSON, '{"default_agent": "main", "bindings": [{"agent_id": "main", "peer_id": "-100"}]}']
)
def test_file_of_json_stays_one(text: str) -> None:
    made = migrate(text, "b.json").text
    assert json.loads(made)["bindings"]
    assert with_agent(made, "b.json", 0, json.loads(made)["agents"][0]["id"], 3)


def test_whole_claw0_file_becomes_one_of_ours() -> None:
    text = '{"agents": [{"id": "main", "system_prompt": "Be kind."}, {"id": "bob"}], "default_agent": "main",'
    text += '"bindings": [{"peer_id": "-100", "agent_id": "bob", "priority": 40}]}'
    file = read_bindings(parse_document(migrate(text, "routing.json", "bindings.yaml").text, "bindings.yaml"))
    assert (file.defaults.agent, file.defaults.dm_scope) == ("main", "per-peer")
    assert [(each.agent, each.match) for each in file.bindings] == [("bob", Match(peer=PeerPattern(None, "-100")))]


def test_names_in_their_file_are_faults_here_too() -> None:
    text = (
        "agents: [{id: main}]\nbindings: [{agentId: main, match: {channel: telegram, peer: {kind: dm, id: '@bob'}}}]\n"
    )
    with pytest.raises(FileFaults, match="is a name, not an id"):
        migrate(text, "b.yaml")


def test_mixed_forms_are_left_to_a_person() -> None:
    text = "agents: [{id: main}]\nbindings: [{agentId: main, match: {channel: irc}}, {agent_id: main}]\n"
    with pytest.raises(CannotEdit, match="several forms"):
        migrate(text, "b.yaml")


def test_file_in_our_form_stays() -> None:
    text = "agents: [{id: main}]\nbindings: [{agent: main, match: {}}]\n"
    assert migrate(text, "b.yaml").text == text
