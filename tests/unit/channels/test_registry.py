"""Finding channels: light, and one bad plugin is nobody else's trouble."""

import logging
import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

from channels.clock import ManualClock
from channels.config import ChannelConfig
from channels.errors import ChannelError
from channels.port import ChannelContext, ChannelManifest
from channels.registry import GROUP, load_config_model, load_manifests, open_channel
from channels.telegram.manifest import MANIFEST as TELEGRAM
from channels.telegram.manifest import id_problem


def entry(name: str, target: str) -> EntryPoint:
    return EntryPoint(name, target, GROUP)


def manifest(
    config: str = "channels.config:ChannelConfig", opener: str = "channels.cli.channel:open_cli"
) -> ChannelManifest:
    return ChannelManifest("mine", config, opener, id_problem=lambda _kind, _id: None)


MINE = manifest()


def test_the_built_in_channels_are_there() -> None:
    manifests = load_manifests()
    assert {"telegram", "cli"} <= set(manifests)
    assert manifests["telegram"].token_variable == "TELEGRAM_BOT_TOKEN"
    assert [name for name, each in manifests.items() if each.interactive] == ["cli"]


def test_finding_channels_loads_no_platform_library() -> None:
    code = (
        "import sys; from channels.registry import load_manifests as load; load(); sys.exit('telegram' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("mine", "no.such.module:MANIFEST"),
        ("mine", "channels.registry:NO_SUCH_NAME"),
        ("mine", "channels.registry:GROUP"),
        ("another-name", "tests.unit.channels.test_registry:MINE"),
        ("mine", "tests.unit.channels.broken_plugin:MANIFEST"),
    ],
)
def test_a_bad_plugin_is_named_and_the_others_work(name: str, target: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    good = entry("telegram", "channels.telegram.manifest:MANIFEST")
    assert dict(load_manifests([entry(name, target), good])) == {"telegram": TELEGRAM}
    assert [vars(record)["plugin"] for record in caplog.records] == [name]


def test_a_name_is_given_once(caplog: pytest.LogCaptureFixture) -> None:
    both = [entry("mine", "tests.unit.channels.test_registry:MINE")] * 2
    assert list(load_manifests(both)) == ["mine"]
    assert "taken" in vars(caplog.records[0])["reason"]


def test_a_channels_settings_are_found() -> None:
    assert load_config_model(TELEGRAM).__name__ == "TelegramConfig"
    assert load_config_model(MINE) is ChannelConfig


@pytest.mark.parametrize("config", ["no.such:Model", "channels.config:NoSuch", "channels.registry:GROUP", "x y"])
def test_settings_that_do_not_load_are_an_error_with_the_channels_name(config: str) -> None:
    with pytest.raises(ChannelError, match="mine"):
        load_config_model(manifest(config))


def test_a_runtime_that_does_not_load_is_an_error_with_the_channels_name() -> None:
    context = ChannelContext("default", ChannelConfig(), ManualClock())
    with pytest.raises(ChannelError, match="mine"):
        open_channel(manifest(opener="no.such.module:open"), context)


async def test_a_channel_opens_by_its_manifest() -> None:
    async with open_channel(MINE, ChannelContext("default", ChannelConfig(), ManualClock())) as channel:
        assert channel.identity == "the terminal"


@pytest.mark.parametrize(
    ("kind", "platform_id", "possible"),
    [
        ("peer", "-1001234567890", True),
        ("peer", "77", True),
        ("peer", "@name", False),
        ("peer", "-100x", False),
        ("peer", "0", False),
        ("peer", "9" * 17, False),
        ("sender", "77", True),
        ("sender", "-77", False),
        ("thread", "42", True),
        ("thread", "-42", False),
        ("guild", "77", False),
        ("role", "77", False),
    ],
)
def test_ids_that_cannot_occur_on_telegram_are_told(kind: str, platform_id: str, *, possible: bool) -> None:
    problem = id_problem(kind, platform_id)  # type: ignore[arg-type]
    assert (problem is None) == possible
