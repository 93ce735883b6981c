"""`javis bindings` over real files."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot.bindings_file import NotChanged
from bot.cli.bindings import bindings
from bot.cli.failure import exit_code_of, tell
from bot.errors import UsageError
from routing.errors import CannotEdit
from routing.json_schema import schema_path

TEXT = """\
agents: [{id: main, kind: echo}, {id: ops, kind: echo}]  # two
bindings:
  - {agent: ops, match: {channel: telegram, peer: {kind: group, id: "-100"}}}  # since May
"""


class Folder:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.bindings = path / "bindings.yaml"
        self.bindings.write_text(TEXT, "utf-8")
        (path / "javis.yaml").write_text("language: en\n", "utf-8")

    def run(self, *arguments: str) -> Result:
        files = ("--settings", str(self.path / "javis.yaml"), "--bindings", str(self.bindings))
        return CliRunner().invoke(bindings, [*arguments, *files], env={"JAVIS_HOME": str(self.path / "home")})

    @property
    def text(self) -> str:
        return self.bindings.read_text("utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_binding_is_added_changed_and_removed_with_comments_kept(folder: Folder) -> None:
    assert folder.run("add", "main", "--channel", "telegram", "--peer", "7").exit_code == 0
    added = '  - {agent: main, match: {channel: telegram, peer: {kind: direct, id: "7"}}}\n'
    assert folder.text == TEXT + added

    changed = folder.run("set", "main", "--channel", "telegram", "--peer", "-100", "--priority", "2")
    assert "changed, main answers there" in changed.stdout
    assert (
        '{agent: main, match: {channel: telegram, peer: {kind: group, id: "-100"}}, priority: 2}  # since'
        in folder.text
    )

    assert folder.run("remove", "3").exit_code == 0
    assert folder.run("remove", "--channel", "telegram", "--peer", "7").exit_code == 0
    assert folder.text == "agents: [{id: main, kind: echo}, {id: ops, kind: echo}]  # two\nbindings: []\n"


def test_earlier_text_comes_back(folder: Folder) -> None:
    folder.run("remove", "3")
    versions = json.loads(folder.run("rollback", "--list", "--json").stdout)
    assert [version["characters"] for version in versions] == [len(folder.text), len(TEXT)]
    assert folder.run("rollback").exit_code == 0
    assert folder.text == TEXT


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (("add", "ops", "--channel", "telegram", "--peer", "-100"), NotChanged, "3: ops has this match"),
        (("add", "ops", "--channel", "telegram", "--guild", "1"), NotChanged, "Telegram has no guilds"),
        (("remove",), UsageError, "name the binding by its line"),
        (("remove", "3", "--channel", "telegram"), UsageError, "one of both"),
        (("remove", "--channel", "telegram"), UsageError, "no binding has exactly this match"),
        (("remove", "1"), NotChanged, "no binding begins here"),
        (("rollback", "yesterday"), NotChanged, "no earlier version"),
    ],
)
def test_what_cannot_be_is_told_and_nothing_changes(
    folder: Folder, arguments: tuple[str, ...], error: type[Exception], words: str
) -> None:
    failure = folder.run(*arguments).exception
    assert isinstance(failure, error)
    assert words in str(failure)
    assert folder.text == TEXT


def test_refused_edit_is_one_line_for_the_person_at_the_terminal() -> None:
    refusal = CannotEdit("b.yaml is written in a way that no command can change safely: edit it by hand")
    assert tell(refusal) == [str(refusal)]
    assert exit_code_of(refusal) == 1


def test_migration_is_shown_before_it_is_done(folder: Folder) -> None:
    theirs = "agents: [{id: main, kind: echo}]\nbindings:\n- {agent_id: main, peer_id: '-100', priority: 3}  # group\n"
    folder.bindings.write_text(theirs, "utf-8")
    shown = folder.run("migrate", "--dry-run")
    assert '- {agent: main, match: {peer: {id: "-100"}}}  # group' in shown.stdout
    assert folder.text == theirs
    told = folder.run("migrate").stdout
    assert ":3: → main for peer.id -100" in told
    assert '- {agent: main, match: {peer: {id: "-100"}}}  # group' in folder.text
    assert "nothing is in another form" in folder.run("migrate").stdout


def test_whole_file_of_another_program_becomes_a_new_one_but_never_overwrites(folder: Folder) -> None:
    source = folder.path / "openclaw.json"
    source.write_text(
        '{"agents": {"list": [{"id": "home"}]}, "bindings": [{"agentId": "home", "match": {"channel": "irc"}}]}'
    )
    assert isinstance(folder.run("migrate", str(source)).exception, NotChanged)
    folder.bindings.unlink()
    assert folder.run("migrate", str(source)).exit_code == 0
    assert "- {agent: home, match: {channel: irc, account: default}}" in folder.text


def test_check_exits_with_one_and_tells_the_line(folder: Folder) -> None:
    assert folder.run("check").exit_code == 0
    folder.bindings.write_text(TEXT + "  - {agent: main, match: {channel: telegram, guild: '5'}}\n", "utf-8")
    found = folder.run("check")
    assert found.exit_code == 1
    assert f"{folder.bindings}:4: error: guild '5' cannot occur in telegram" in found.stdout


def test_faulty_file_points_at_the_version_that_was_good(folder: Folder) -> None:
    faulty = TEXT.replace("agent: ops", "agent: oops")
    folder.bindings.write_text(faulty, "utf-8")
    assert "rollback" not in str(folder.run("list").exception)

    folder.bindings.write_text(TEXT, "utf-8")
    folder.run("set", "main", "--channel", "telegram", "--peer", "7")
    folder.bindings.write_text(faulty, "utf-8")
    first, second = str(folder.run("list").exception).splitlines()
    assert first.endswith("bring the last good version back with javis bindings rollback")
    assert "unknown agent 'oops'" in second
    folder.run("rollback")
    assert folder.run("check").exit_code == 0


def test_schema_is_printed_and_its_place_told(folder: Folder) -> None:
    assert json.loads(CliRunner().invoke(bindings, ["schema"]).stdout)["title"] == "bindings.yaml of Javis"
    assert CliRunner().invoke(bindings, ["schema", "--path"]).stdout == f"{schema_path().as_uri()}\n"


def test_explain_says_that_a_handle_is_no_id(folder: Folder) -> None:
    told = folder.run("explain", "--channel", "telegram", "--peer", "@somebody")
    assert told.exit_code == 0
    assert "peer '@somebody' cannot occur in telegram: a name is not an id" in told.stderr
    assert folder.run("explain", "--channel", "telegram", "--peer", "-100").stderr == ""
