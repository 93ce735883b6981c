"""Edits of files as people write them: one binding changes, and not a sign besides it."""

import json
from typing import Any, Final

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.binding import Binding, Match, PeerPattern
from routing.document import parse_document
from routing.edit import with_agent, with_binding, without_binding
from routing.errors import CannotEdit
from routing.faults import FileFaults
from routing.file import read_bindings

HEAD: Final = "agents: [{id: main}, {id: ops}]\n"
NEW: Final = Binding("ops", Match(channel="telegram", peer=PeerPattern("group", "-100")), 3)
ONE_LINE: Final = '{agent: ops, match: {channel: telegram, peer: {kind: group, id: "-100"}}, priority: 3}'


def bindings(text: str, path: str = "b.yaml") -> list[Binding]:
    """Without lines: those move."""
    file = read_bindings(parse_document(text, path))
    return [Binding(each.agent, each.match, each.priority) for each in file.bindings]


FILES: Final = {
    "nothing yet": HEAD,
    "no newline at the end": HEAD + "bindings:\n- {agent: main, match: {sender: '7'}}",
    "empty list with a comment": HEAD + "bindings: []   # none yet\n# - {agent: ops}\ndefaults: {agent: ops}\n",
    "nothing behind the key": HEAD + "bindings:\n  # - {agent: ops, match: {}}\ndefaults: {agent: ops}\n",
    "null": HEAD + "bindings: ~ # soon\n",
    "first in the file": "bindings: []\n" + HEAD,
    "no indent": HEAD
    + "bindings:\n- {agent: main, match: {sender: '7'}}\n- {agent: ops, match: {sender: '8'}}\n# end\n",
    "block style, comments everywhere": HEAD
    + """\
bindings:  # who answers whom
  # the boss
  - agent: main  # not ops!
    match:
      # by id
      sender: '7'   # Anna
    # above priority
    priority: 2

  # everybody else
  -   agent: ops
      match:
        channel: "telegram"
        thread:

# the end
defaults:
  agent: ops
""",
    "dash on a line of its own": HEAD
    + "bindings:\n  -\n    agent: main\n    match: {sender: '7'}\n  -\n    {agent: ops, match: {}}\n",
    "windows": HEAD.replace("\n", "\r\n")
    + "bindings:\r\n  - agent: main  # 主\r\n    match:\r\n      sender: '7'\r\n  - {agent: ops, match: {}}\r\n",
    "flow": HEAD + "bindings: [{agent: main, match: {sender: '7'}}, {agent: ops, match: {}}]\n",
    "flow in lines": HEAD + "bindings: [\n  {agent: main, match: {sender: '7'}},  # Anna, and so on\n"
    "  {agent: ops, match: {}}  # rest\n]  # end\n",
    "flow in lines, comma at the end": HEAD
    + "bindings: [\n  {agent: main, match: {sender: '7'}},  # Anna\n  {agent: ops, match: {}},  # rest\n]\n",
    "all in one line": "{agents: [{id: main}, {id: ops}], bindings: [{agent: main, match: {}}]}",
    "all in one line, none yet": "{agents: [{id: main}, {id: ops}]}",
    "anchors": "agents: [{id: &m main}, {id: &o ops}]\nbindings:\n"
    "- {agent: *m, match: &x {sender: '7'}}\n- agent: *o\n  match: {sender: '8'}  # *m\n",
    "unicode": HEAD + "# 頭 😀\nbindings:\n- {agent: main, match: {sender: 'é😀ß'}}  # 😀\n- {agent: ops, match: {}}\n",
    "quotes of all kinds": """\
agents:
- id: "main"
- 'id': 'ops'
'bindings':
- "agent": "ma\\x69n"
  'match': {"sender": "7"}
""",
    "folded": HEAD + "bindings:\n- match: {}\n  agent: >-\n    main\n\n\n# end\n",
    "indented root": "  agents: [{id: main}, {id: ops}]\n  bindings:\n    - {agent: main, match: {}}\n",
    "document marker": "---\n" + HEAD + "bindings:\n- {agent: main, match: {}}\n",
    "tab before a comment": HEAD + "bindings:\n- {agent: main, match: {}}\t# tab\n",
    "json": """\
{
  "agents": [{"id": "main"}, {"id": "ops"}],
  "bindings": [
    {"agent": "main", "match": {}}
  ]
}
""",
}


def kept(old: str, new: str) -> bool:
    """True when `new` is `old` with something put in at one place."""
    start = next((at for at, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    return new.endswith(old[start:])


@pytest.mark.parametrize("name", FILES)
def test_added_binding_comes_last_and_all_else_stays(name: str) -> None:
    old = FILES[name]
    new = with_binding(old, "b.yaml", NEW)
    assert bindings(new) == [*bindings(old), NEW]
    assert ("\r\n" in new) == ("\r\n" in old)
    assert new.count("\n") - new.count("\r\n") == 0 or "\r\n" not in old
    without = old.replace("bindings: []", "bindings:").replace("bindings: ~", "bindings:")
    assert kept(without, new) or kept(old, new) or new.count("},  #") > old.count("},  #")


@pytest.mark.parametrize("name", FILES)
def test_binding_is_removed_alone(name: str) -> None:
    old = FILES[name]
    before = bindings(old)
    for index in range(len(before)):
        new = without_binding(old, "b.yaml", index)
        assert bindings(new) == before[:index] + before[index + 1 :]
        assert set(new.splitlines()) - set(old.splitlines()) <= {
            "bindings: []",
            "bindings: []  # who answers whom",
            "'bindings': []",
            "  bindings: []",
            "bindings: [{agent: ops, match: {}}]",
            "bindings: [{agent: main, match: {sender: '7'}}]",
            "{agents: [{id: main}, {id: ops}], bindings: []}",
            "    # rest",
            "  # Anna, and so on",
            "  # Anna",
            "  # rest",
            "  {agent: main, match: {sender: '7'}}  # Anna, and so on",
            '  "bindings": []',
        }, new


@pytest.mark.parametrize("name", FILES)
def test_added_and_removed_again_is_the_same_file(name: str) -> None:
    old = FILES[name]
    count = len(bindings(old))
    if count and "comma" not in name and "flow in lines" not in name:
        new = without_binding(with_binding(old, "b.yaml", NEW), "b.yaml", count)
        assert new.removesuffix("\n") == old.removesuffix("\n")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("priority", [None, 7])
def test_agent_changes_in_its_place(name: str, priority: int | None) -> None:
    old = FILES[name]
    before = bindings(old)
    for index, binding in enumerate(before):
        other = "main" if binding.agent == "ops" else "ops"
        new = with_agent(old, "b.yaml", index, other, priority)
        changed = Binding(other, binding.match, binding.priority if priority is None else priority)
        assert bindings(new) == [*before[:index], changed, *before[index + 1 :]]
        assert [line for line in old.splitlines() if "#" in line and "ma" not in line] == [
            line for line in new.splitlines() if "#" in line and "ma" not in line and line in old
        ]


def test_new_binding_takes_the_style_of_the_last() -> None:
    block = HEAD + "bindings:\n    -   agent: main\n        match: {}\n"
    assert with_binding(block, "b.yaml", NEW) == block + (
        "    -   agent: ops\n"
        "        match:\n"
        "          channel: telegram\n"
        '          peer: {kind: group, id: "-100"}\n'
        "        priority: 3\n"
    )
    lines = HEAD + "bindings:\n  - {agent: main, match: {}}\n"
    assert with_binding(lines, "b.yaml", NEW) == f"{lines}  - {ONE_LINE}\n"


def test_json_stays_json_with_its_indent() -> None:
    old = '{\n\t"agents": [{"id": "main"}],\n\t"defaults": {"agent": "main"}\n}'
    new = with_binding(old, "b.json", Binding("main", Match(sender="7")))
    assert json.loads(new)["bindings"] == [{"agent": "main", "match": {"sender": "7"}}]
    assert '\n\t"agents": [\n' in new
    assert not new.endswith("\n")


@pytest.mark.parametrize(
    "text",
    [
        "x: 1\n",
        HEAD + "bindings: [{agent: mian, match: {}}]\n",
    ],
)
def test_file_with_faults_is_not_edited_and_the_faults_are_told(text: str) -> None:
    with pytest.raises(FileFaults):
        with_binding(text, "b.yaml", NEW)


def test_new_binding_for_an_unknown_agent_is_told() -> None:
    with pytest.raises(FileFaults, match="unknown agent 'oops'"):
        with_binding(HEAD, "b.yaml", Binding("oops", Match()))


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "bindings:\n- &a {agent: main, match: {}}\n- {agent: main, match: {sender: '1'}}\n- *a\n",
        "agents: [{id: main}]\nbindings:\n- &a {agent: main, match: {}}\n- *a\n",
    ],
)
def test_binding_that_others_repeat_by_alias_is_left_to_a_person(text: str) -> None:
    with pytest.raises(CannotEdit, match="by hand"):
        without_binding(text, "b.yaml", 0)


def test_file_in_another_programs_form_is_migrated_first() -> None:
    text = HEAD + "bindings: [{agentId: main, match: {channel: telegram}}]\n"
    with pytest.raises(CannotEdit, match="in the form of OpenClaw: rewrite it first with javis bindings migrate"):
        with_binding(text, "b.yaml", NEW)


def test_document_end_marker_is_left_to_a_person() -> None:
    with pytest.raises(CannotEdit, match="by hand"):
        with_binding(HEAD + "...\n", "b.yaml", NEW)


IDS: Final = st.text(
    st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="\ufeff\ufffe\uffff"), min_size=1
).filter(
    lambda text: text.strip() == text and not text.startswith(("@", "#")) and len(text.split()) == 1 and text != "*"
)


@settings(max_examples=100)
@given(
    st.lists(
        st.tuples(st.sampled_from(["main", "ops"]), st.sampled_from("1234")), max_size=4, unique_by=lambda x: x[1]
    ),
    st.sampled_from([None, False, True]),
    st.integers(2, 6),
    IDS,
    st.data(),
)
def test_whatever_the_writer_made_edits_mean_what_they_say(
    drawn: list[tuple[str, str]], style: Any, indent: int, sender: str, data: st.DataObject
) -> None:
    content = {
        "agents": [{"id": "main"}, {"id": "ops"}],
        "bindings": [{"agent": agent, "match": {"sender": sender}} for agent, sender in drawn],
        "defaults": {"agent": "main"},
    }
    text = yaml.safe_dump(content, default_flow_style=style, indent=indent, sort_keys=data.draw(st.booleans()))
    before = bindings(text)
    new = Binding("ops", Match(channel="webhook", sender=sender))
    added = with_binding(text, "b.yaml", new)
    assert bindings(added) == [*before, new]
    index = data.draw(st.integers(0, len(before)))
    removed = without_binding(added, "b.yaml", index)
    assert bindings(removed) == [*before, new][:index] + [*before, new][index + 1 :]
