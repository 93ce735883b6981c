"""Where the stand-ins keep what they know."""

import socket
from pathlib import Path

import pytest

import bot.simulation
from bot.errors import ConfigurationError
from bot.settings.load import load_settings
from bot.settings.model import Settings
from bot.simulation import simulated, stand_ins
from channels.clock import SystemClock
from channels.registry import load_manifests


def settings_in(home: Path) -> Settings:
    return load_settings(None, {"JAVIS_HOME": str(home)}, load_manifests())


async def test_home_is_its_owners_alone(tmp_path: Path) -> None:
    home = tmp_path / "data"
    async with stand_ins(settings_in(home), 0, SystemClock()):
        modes = [folder.stat().st_mode & 0o777 for folder in (home, home / "simulator")]
    assert modes == [0o700, 0o700]


async def test_second_simulator_in_one_home_is_told_what_to_do(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    async with stand_ins(settings, 0, SystemClock()):
        with pytest.raises(ConfigurationError, match=r"simulator: end it, or set JAVIS_HOME"):
            async with stand_ins(settings, 0, SystemClock()):
                pass


async def test_home_that_cannot_be_made_is_named_with_its_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match=r"file/data: Not a directory: check the folder's rights"):
        async with stand_ins(settings_in(tmp_path / "file" / "data"), 0, SystemClock()):
            pass


async def test_page_goes_to_another_port_where_its_own_is_taken_and_none_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(bot.simulation, "PAGE_PORT", port)
        async with stand_ins(settings_in(tmp_path), None, SystemClock()) as simulator:
            assert not simulator.url.endswith(f":{port}")
        with pytest.raises(ConfigurationError, match="something else listens on port"):
            async with stand_ins(settings_in(tmp_path), port, SystemClock()):
                pass


@pytest.mark.parametrize(("key", "seconds"), [({}, 15), ({"KIMI_API_KEY": "sk-real"}, 900)])
async def test_one_fault_of_the_stand_in_model_costs_seconds_but_a_real_one_is_left_alone(
    tmp_path: Path, key: dict[str, str], seconds: int
) -> None:
    given = load_settings(None, {"JAVIS_HOME": str(tmp_path), **key}, load_manifests())
    async with simulated(given, 0, SystemClock()) as (settings, _):
        assert settings.cooldown.billing == seconds
