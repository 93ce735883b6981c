import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bot.bindings_file import VERSIONS_KEPT, BindingsStore, NotChanged, id_problems
from channels.clock import ManualClock
from channels.registry import load_manifests
from routing.binding import Binding, Match, PeerPattern
from routing.faults import FileFaults
from routing.file import load_bindings

TEXT = """\
# Who answers whom
agents: [{id: main}, {id: ops}]
bindings:
  # the group
  - {agent: ops, match: {channel: telegram, peer: {kind: group, id: "-100"}}}  # since May
"""
GROUP = Match("telegram", None, PeerPattern("group", "-100"))
OTHER = Match("telegram", None, PeerPattern("group", "-200"))


@pytest.fixture
def store(tmp_path: Path) -> BindingsStore:
    path = tmp_path / "bindings.yaml"
    path.write_text(TEXT, "utf-8")
    return BindingsStore(path, tmp_path / "home" / "bindings", ManualClock(), id_problems(load_manifests()))


def text(store: BindingsStore) -> str:
    return store.path.read_text("utf-8")


def test_new_match_is_added_known_one_changed_same_one_left(store: BindingsStore) -> None:
    assert store.bind(OTHER, "main") == "added"
    assert store.bind(OTHER, "ops", 2) == "changed"
    assert store.bind(OTHER, "ops") == "unchanged"
    assert store.bind(GROUP, "main") == "changed"
    assert text(store) == TEXT.replace("agent: ops", "agent: main") + (
        '  - {agent: ops, match: {channel: telegram, peer: {kind: group, id: "-200"}}, priority: 2}\n'
    )


def test_binding_goes_by_its_match_or_its_line(store: BindingsStore) -> None:
    store.add(Binding("main", OTHER))
    assert store.unbind(OTHER) == Binding("main", OTHER, line=6)
    assert text(store) == TEXT
    assert store.unbind(OTHER) is None
    assert store.unbind_line(5).agent == "ops"
    assert text(store) == TEXT.split("  - ", maxsplit=1)[0].replace("bindings:", "bindings: []")
    with pytest.raises(NotChanged, match=r"bindings.yaml:5: no binding begins here"):
        store.unbind_line(5)


def test_second_binding_with_a_match_is_refused_with_the_line_of_the_first(store: BindingsStore) -> None:
    with pytest.raises(NotChanged, match=r"bindings.yaml:5: ops has this match: javis bindings set changes it"):
        store.add(Binding("main", GROUP))


@pytest.mark.parametrize(
    ("match", "words"),
    [
        (Match("telegram", guild="1"), "Telegram has no guilds"),
        (Match(guild="1", peer=PeerPattern("direct")), "unreachable"),
    ],
)
def test_binding_that_could_never_decide_is_refused(store: BindingsStore, match: Match, words: str) -> None:
    with pytest.raises(NotChanged, match=words):
        store.bind(match, "main")
    assert text(store) == TEXT


def test_names_and_unknown_agents_are_refused(store: BindingsStore) -> None:
    with pytest.raises(FileFaults, match="is a name, not an id"):
        store.bind(Match(sender="@bob"), "main")
    with pytest.raises(FileFaults, match="unknown agent 'mian': did you mean 'main'"):
        store.bind(OTHER, "mian")
    assert text(store) == TEXT


def test_mode_bom_and_link_are_kept(store: BindingsStore, tmp_path: Path) -> None:
    real = tmp_path / "real.yaml"
    store.path.rename(real)
    real.write_bytes(b"\xef\xbb\xbf" + TEXT.encode())
    real.chmod(0o640)
    store.path.symlink_to(real)
    store.bind(OTHER, "main")
    assert store.path.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert real.read_bytes().startswith(b"\xef\xbb\xbf# Who")
    assert b"\xef\xbb\xbf" not in real.read_bytes()[3:]


def test_rollback_brings_the_text_before_back_and_again_undoes_it(store: BindingsStore) -> None:
    store.bind(OTHER, "main")
    changed = text(store)
    store.rollback()
    assert text(store) == TEXT
    store.rollback()
    assert text(store) == changed


def test_rollback_passes_over_a_version_with_faults(store: BindingsStore) -> None:
    store.bind(OTHER, "main")
    good = text(store)
    store.keep("agents: 5\n")
    store.path.write_text("broken: [", "utf-8")
    store.rollback()
    assert text(store) == good


def test_named_version_comes_back(store: BindingsStore) -> None:
    for id_ in ("-200", "-300", "-400"):
        store.bind(Match("telegram", None, PeerPattern("group", id_)), "main")
    oldest = store.versions()[-1]
    assert oldest.text == TEXT
    store.rollback(oldest.name)
    assert text(store) == TEXT
    with pytest.raises(NotChanged, match="no earlier version differs from it"):
        store.rollback("20000101T000000000000Z")


def test_newest_versions_are_kept_and_each_text_once(store: BindingsStore) -> None:
    for number in range(3 * VERSIONS_KEPT):
        store.keep(f"# {number // 2}\n")
    assert [version.text for version in store.versions()] == [
        f"# {number}\n" for number in reversed(range(VERSIONS_KEPT // 2, 3 * VERSIONS_KEPT // 2))
    ]


def test_writers_at_once_lose_nothing(store: BindingsStore, tmp_path: Path) -> None:
    def add(writer: int) -> None:
        own = BindingsStore(store.path, tmp_path / "home" / "bindings", ManualClock(), id_problems({}))
        for number in range(5):
            own.add(Binding("main", Match(sender=f"{writer}{number}")))

    with ThreadPoolExecutor() as pool:
        list(pool.map(add, range(4)))
    senders = {binding.match.sender for binding in load_bindings(store.path).bindings} - {None}
    assert senders == {f"{writer}{number}" for writer in range(4) for number in range(5)}


def test_nothing_is_left_beside_the_file(store: BindingsStore) -> None:
    store.bind(OTHER, "main")
    assert sorted(path.name for path in store.path.parent.iterdir()) == ["bindings.yaml", "home"]


def test_text_that_comes_again_is_kept_once_as_the_newest(store: BindingsStore) -> None:
    for each in ("# a\n", "# b\n", "# a\n", "# c\n"):
        store.keep(each)
    assert [version.text for version in store.versions()] == ["# c\n", "# a\n", "# b\n"]
