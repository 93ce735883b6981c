"""bindings.yaml on its disk: changed by command, with the versions before kept beside the database."""

import fcntl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal

from bot.errors import JavisError
from bot.files import write_atomically
from channels.clock import Clock
from channels.port import ChannelManifest
from routing.binding import Binding, Match
from routing.document import parse_document, read_text
from routing.edit import with_agent, with_binding, without_binding
from routing.faults import FileFaults
from routing.file import BindingsFile, read_bindings
from routing.lint import IdKind, IdProblem, lint
from routing.migration import Migration, migrate

VERSIONS_KEPT: Final = 10
_BOM: Final = "\ufeff"

Done = Literal["added", "changed", "removed", "unchanged"]


class NotChanged(JavisError):
    """bindings.yaml is as it was; the words say why."""


@dataclass(frozen=True, slots=True)
class Version:
    """An earlier text of the file. `kept` is when it was put aside, aware."""

    name: str
    kept: datetime
    text: str


class BindingsStore:
    """The file at `path`; its versions in `folder`. Every change is one writer's at a time, also of several processes.

    A change that leaves the file with a fault is refused with FileFaults, one that nobody could make with CannotEdit.
    """

    def __init__(self, path: Path, folder: Path, clock: Clock, id_problem: IdProblem) -> None:
        self.path: Final = path
        self._folder = folder
        self._clock = clock
        self._id_problem = id_problem

    def bind(self, match: Match, agent: str, priority: int | None = None) -> Done:
        """`agent` answers what fits `match`: its binding changes, or there is a new one; `priority` None keeps it.

        Raises NotChanged for a new binding that could never decide.
        """
        with self._locked():
            text, file = self._read()
            index = _index(file, match)
            if index is None:
                new = with_binding(text, str(self.path), Binding(agent, match, priority or 0))
            else:
                before = file.bindings[index]
                if before.agent == agent and priority in {None, before.priority}:
                    return "unchanged"
                new = with_agent(text, str(self.path), index, agent, priority)
            self._check(new, match)
            self._write(text, new)
            return "added" if index is None else "changed"

    def add(self, binding: Binding) -> None:
        """Raises NotChanged where one with this match is there already."""
        with self._locked():
            text, file = self._read()
            index = _index(file, binding.match)
            if index is not None:
                there = file.bindings[index]
                raise NotChanged(
                    f"{self.path}:{there.line}: {there.agent} has this match: javis bindings set changes it"
                )
            new = with_binding(text, str(self.path), binding)
            self._check(new, binding.match)
            self._write(text, new)

    def unbind(self, match: Match) -> Binding | None:
        """Remove the binding with this match; None: there is none."""
        with self._locked():
            text, file = self._read()
            index = _index(file, match)
            if index is None:
                return None
            self._write(text, without_binding(text, str(self.path), index))
            return file.bindings[index]

    def unbind_line(self, line: int) -> Binding:
        """Remove the binding that begins in this line. Raises NotChanged where none does."""
        with self._locked():
            text, file = self._read()
            found = next((index for index, each in enumerate(file.bindings) if each.line == line), None)
            if found is None:
                raise NotChanged(f"{self.path}:{line}: no binding begins here; javis bindings list shows the lines")
            self._write(text, without_binding(text, str(self.path), found))
            return file.bindings[found]

    def migrate(self, source: Path | None = None) -> Migration:
        """Rewrite the file, or what another file says, in our form; nothing is written where all is in it already.

        Raises NotChanged where `source` would take the place of a file that is there.
        """
        with self._locked():
            if source is not None and self.path.exists():
                raise NotChanged(f"{self.path} is there already: name another file with --bindings")
            text = read_text(source or self.path)
            migration = migrate(text, str(source or self.path), str(self.path))
            if migration.form is not None or source is not None:
                self._write("" if source else text, migration.text)
            return migration

    def keep(self, text: str) -> None:
        """Put a text that was in force aside, as the newest; each text is kept once. Raises OSError."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        versions = self.versions()
        if versions and versions[0].text == text:
            return
        moment = self._clock.now()
        if versions:  # the clock may have been set back
            moment = max(moment, versions[0].kept + timedelta(microseconds=1))
        write_atomically(self._folder / f"{moment:%Y%m%dT%H%M%S%fZ}{self.path.suffix}", text)
        others = [version for version in versions if version.text != text]
        for version in versions:
            if version not in others[: VERSIONS_KEPT - 1]:
                (self._folder / f"{version.name}{self.path.suffix}").unlink(missing_ok=True)

    def versions(self) -> list[Version]:
        """Newest first."""
        found = []
        for path in sorted(self._folder.glob(f"*Z{self.path.suffix}"), reverse=True):
            kept = datetime.strptime(f"{path.stem[:-1]}+0000", "%Y%m%dT%H%M%S%f%z")
            found.append(Version(path.stem, kept, read_text(path)))
        return found

    def rollback(self, name: str | None = None) -> Version:
        """Bring a version back: the newest that differs from the file, or the named one. Raises NotChanged.

        What stood there is kept, so doing it again undoes it.
        """
        with self._locked():
            text = read_text(self.path) if self.path.exists() else ""
            versions = self.versions()
            others = [each for each in versions if each.text != text and (name in {None, each.name})]
            good = next((each for each in others if name or self._is_good(each.text)), None)
            if good is None:
                names = ", ".join(each.name for each in versions) or "none"
                raise NotChanged(f"{self.path}: no earlier version differs from it; kept are: {names}")
            read_bindings(parse_document(good.text, str(self.path)))
            self._write(text, good.text)
            return good

    def _is_good(self, text: str) -> bool:
        try:
            read_bindings(parse_document(text, str(self.path)))
        except FileFaults:
            return False
        return True

    def _read(self) -> tuple[str, BindingsFile]:
        text = read_text(self.path)
        return text, read_bindings(parse_document(text, str(self.path)))

    def _check(self, text: str, match: Match) -> None:
        file = read_bindings(parse_document(text, str(self.path)))
        index = _index(file, match)
        line = None if index is None else file.bindings[index].line
        found = [
            each.message for each in lint(file, self._id_problem) if each.line == line and each.severity == "error"
        ]
        if found:
            raise NotChanged("; ".join(found))

    def _write(self, before: str, after: str) -> None:
        if before:
            self.keep(before)
        raw = self.path.read_bytes()[:3] if self.path.exists() else b""
        mode = self.path.stat().st_mode & 0o7777 if self.path.exists() else 0o600
        write_atomically(self.path, (_BOM if raw == _BOM.encode() else "") + after, mode)
        self.keep(after)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self._folder / ".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def id_problems(manifests: Mapping[str, ChannelManifest]) -> IdProblem:
    """Asks each channel's own manifest; an unknown channel has no opinion."""

    def problem(channel: str, kind: IdKind, platform_id: str) -> str | None:
        manifest = manifests.get(channel)
        return None if manifest is None else manifest.id_problem(kind, platform_id)

    return problem


def _index(file: BindingsFile, match: Match) -> int | None:
    """Of those with this match the one that decides."""
    found = [index for index, binding in enumerate(file.bindings) if binding.match == match]
    return min(found, key=lambda index: file.bindings[index].standing, default=None)
