"""The owner's chat: whose bot speaks there, and what is said once."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from bot.delivery.store import OutboxStore
from bot.owner import Owner
from bot.pipeline.outgoing import Outgoing
from bot.settings.load import load_settings
from bot.settings.model import Settings
from bot.settings.owners import owner_chat
from bot.storage.sqlite import open_sqlite
from channels.message import Destination
from channels.registry import load_manifests
from routing.binding import Binding, Match
from routing.table import Defaults, Table
from tests.unit.delivery.setting import Post

TWO_BOTS = """\
channels:
  telegram:
    accounts: {default: {token: "1:a"}, work: {token: "2:b"}}
    owners: ["7"]
"""


def settings(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> Settings:
    path = folder / "javis.yaml"
    path.write_text(text, "utf-8")
    return load_settings(path, {"JAVIS_HOME": str(folder), **(environ or {})}, load_manifests())


@pytest.mark.parametrize(
    ("agent", "account"), [("ops", "work"), ("main", "default"), (None, "default"), ("silent", "default")]
)
def test_agent_speaks_to_the_owner_through_the_bot_that_it_answers_for(
    tmp_path: Path, agent: str | None, account: str
) -> None:
    table = Table([Binding("ops", Match("telegram", "work"))], Defaults())
    assert owner_chat(settings(tmp_path, TWO_BOTS), table, agent) == Destination("telegram", account, "7")


def test_nobody_is_written_to_where_no_owner_is_named(tmp_path: Path) -> None:
    text = 'channels: {telegram: {accounts: {default: {token: "1:a"}}}}\n'
    assert owner_chat(settings(tmp_path, text), Table([], Defaults()), "main") is None


async def test_same_thing_is_said_once_and_only_where_the_channel_is_open(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path / "javis.db") as storage:
        post = Post(storage)
        outgoing = Outgoing(OutboxStore(storage, post.clock), post.worker, post.clock)
        owner = Owner(settings(tmp_path, TWO_BOTS), outgoing, storage, lambda: Table([], Defaults()))
        assert owner.is_known
        assert not await owner.tell("bindings:1", "a fault")

        outgoing.opened("telegram", "work", post.channel)
        assert await owner.tell("bindings:1", "a fault")
        assert await owner.tell("bindings:1", "a fault")
        assert await owner.tell("bindings:2", "another")
        rows = await post.store.newest(None, 10)
        assert sorted((item.destination.account, item.source.id) for item in rows) == [
            ("work", "bindings:1"),
            ("work", "bindings:2"),
        ]
