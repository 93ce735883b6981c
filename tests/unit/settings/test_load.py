import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import time
from pathlib import Path
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel

from bot.settings.load import load_settings
from bot.settings.model import Settings, SettingsFile
from bot.tools.policy import Policy
from channels.config import ChannelConfig
from channels.port import ChannelManifest
from channels.registry import load_config_model, load_manifests
from routing.document import FileFaults
from tests.unit.settings.platform import MANIFESTS, PlatformConfig, manifest

ROOT = Path(__file__).parents[3]
Load = Callable[..., Settings]
Refuse = Callable[..., list[str]]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def load(
        text: str | None = None,
        environ: Mapping[str, str] | None = None,
        manifests: Mapping[str, ChannelManifest] = MANIFESTS,
        name: str = "javis.yaml",
    ) -> Settings:
        if text is None:
            return load_settings(None, environ or {}, manifests)
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return load_settings(path, environ or {}, manifests)

    return load


@pytest.fixture
def refuse(load: Load, tmp_path: Path) -> Refuse:
    def refuse(*arguments: object, **named: object) -> list[str]:
        with pytest.raises(FileFaults) as caught:
            load(*arguments, **named)
        return str(caught.value).replace(f"{tmp_path}{os.sep}", "").splitlines()

    return refuse


def token(config: ChannelConfig, account: str = "default") -> str | None:
    secret = config.accounts[account].token
    return None if secret is None else secret.get_secret_value()


def test_without_file_and_environment_all_is_default(load: Load) -> None:
    settings = load()

    assert settings.channels == {}
    assert settings.home == Path("data").absolute()
    assert settings.database == Path("data/javis.db").absolute()
    assert settings.language == "zh-Hant"
    assert settings.gateway.port == 8080
    assert settings.delivery.resent == {"answer", "notice"}
    assert settings.dispatch.webhook_port == 9001
    assert settings.heartbeat.active_hours.end == time(22)
    assert settings.kimi.api_key is None
    (kimi,) = settings.model_list
    assert (kimi.model_name, kimi.model) == ("kimi", "moonshot/moonshot-v1-128k")
    assert (kimi.api_base, kimi.api_key) == ("https://api.moonshot.cn/v1", None)


def test_environment_fills_in_what_the_file_leaves_open(load: Load, tmp_path: Path) -> None:
    environ = {
        "KIMI_API_KEY": " key\n",
        "KIMI_API_URL": "http://127.0.0.1:1/v1",
        "KIMI_MODEL": "kimi-k3",
        "WEBHOOK_PORT": "9100",
        "JAVIS_HOME": str(tmp_path / "home"),
        "JAVIS_DATABASE_URL": f"sqlite:///{tmp_path}/other.db",
    }
    settings = load("dispatch: {per_user: 3}", environ)

    assert settings.home == tmp_path / "home"
    assert settings.database == tmp_path / "other.db"
    assert (settings.dispatch.webhook_port, settings.dispatch.per_user) == (9100, 3)
    (kimi,) = settings.model_list
    assert (kimi.model, kimi.api_base) == ("moonshot/kimi-k3", "http://127.0.0.1:1/v1")
    assert kimi.api_key is not None
    assert kimi.api_key.get_secret_value() == "key"


def test_what_the_file_says_holds_against_the_environment(load: Load) -> None:
    settings = load(
        "model_list: [{model_name: kimi, model: moonshot/other}]\ndispatch: {webhook_port: 0}",
        {"WEBHOOK_PORT": "9100", "KIMI_MODEL": "kimi-k3"},
    )

    assert settings.dispatch.webhook_port == 0
    assert [entry.model for entry in settings.model_list] == ["moonshot/other"]


def test_kimi_joins_the_models_of_the_file_as_the_last(load: Load) -> None:
    settings = load("model_list: [{model_name: home, model: ollama/qwen}]")

    assert [entry.model_name for entry in settings.model_list] == ["home", "kimi"]


def test_example_of_the_specification_loads(load: Load) -> None:
    settings = load(
        """
channels:
  telegram:
    enabled: true
    accounts: {default: {token: "${TELEGRAM_BOT_TOKEN}"}}
    api_base: http://127.0.0.1:8081
    dm_policy: open
    group_policy: open
    require_mention: false
    rate: {per_second: null}
model_list:
  - {model_name: kimi, model: moonshot/moonshot-v1-128k, api_key: "${KIMI_API_KEY}", api_base: http://127.0.0.1:8082/v1}
gateway: {host: 127.0.0.1, port: 8080}
dispatch: {webhook_port: 9001, workers: {min: 1, max: 16}}
""",
        {"TELEGRAM_BOT_TOKEN": "1:a", "KIMI_API_KEY": "k"},
    )

    telegram = settings.channels["telegram"]
    assert isinstance(telegram, PlatformConfig)
    assert telegram.rate.per_second is None
    assert token(telegram) == "1:a"
    assert settings.secrets == {"1:a", "k"}


def test_example_file_loads_and_shows_the_defaults() -> None:
    example = ROOT / "javis.example.yaml"
    settings = load_settings(example, {}, load_manifests())
    default = load_settings(None, {}, load_manifests())

    for name in (*SettingsFile.model_fields, "home", "kimi"):
        if name != "channels":
            assert getattr(settings, name) == getattr(default, name)
    for channel in settings.channels.values():
        assert channel.model_dump(exclude={"accounts"}) == type(channel)().model_dump(exclude={"accounts"})


def test_example_file_names_every_setting() -> None:
    """Each section its own; what all channels share stands under the first one."""
    text = (ROOT / "javis.example.yaml").read_text(encoding="utf-8")
    told = {name: section(text, name) for name in SettingsFile.model_fields}
    missing = {
        f"{name}: {key}"
        for name, field in SettingsFile.model_fields.items()
        for key in keys_in(field.annotation)
        if f"{key}:" not in told[name]
    }
    for name, each in load_manifests().items():
        own = set(keys_in(load_config_model(each))) - set(keys_in(ChannelConfig))
        block = section(told["channels"], f"  {name}")
        missing |= {f"channels.{name}: {key}" for key in own if f"{key}:" not in block}
    missing |= {f"channels: {key}" for key in keys_in(ChannelConfig) if f"{key}:" not in told["channels"]}
    assert missing == set()


def section(text: str, name: str) -> str:
    """From the line that begins with `name` to the next name that stands as far right."""
    indent = re.match(" *", name).group()  # type: ignore[union-attr]
    found = re.search(rf"^{name}:.*?(?=^{indent}\w|\Z)", text, re.MULTILINE | re.DOTALL)
    return found.group() if found else ""


def keys_in(annotation: object) -> Iterator[str]:
    """The names of all settings of a model, and of the models inside it."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, field in annotation.model_fields.items():
            yield name
            yield from keys_in(field.annotation)
    for inner in get_args(annotation):
        yield from keys_in(inner)


def test_json_settings_load_like_yaml(load: Load) -> None:
    data = {"channels": {"telegram": {"owners": ["1"]}}, "gateway": {"port": 1}, "language": "en"}
    settings = load(json.dumps(data, indent="\t"), name="javis.json")

    assert settings.channels["telegram"].owners == ["1"]
    assert (settings.gateway.port, settings.language) == (1, "en")


def test_token_in_the_environment_brings_its_channel(load: Load) -> None:
    settings = load(None, {"DISCORD_BOT_TOKEN": "d", "TELEGRAM_BOT_TOKEN": ""})

    assert list(settings.channels) == ["discord"]
    assert token(settings.channels["discord"]) == "d"


@pytest.mark.parametrize(
    "section", ["telegram:", "telegram: {require_mention: true}", "telegram: {accounts: {default: {}}}"]
)
def test_token_in_the_environment_goes_to_the_account_without_one(load: Load, section: str) -> None:
    settings = load(f"channels:\n  {section}", {"TELEGRAM_BOT_TOKEN": "1:a"})

    assert token(settings.channels["telegram"]) == "1:a"


def test_accounts_of_the_file_hold_against_the_token_in_the_environment(load: Load) -> None:
    environ = {"TELEGRAM_BOT_TOKEN": "1:a"}

    own = load("channels: {telegram: {accounts: {default: {token: own}}}}", environ).channels["telegram"]
    other = load("channels: {telegram: {accounts: {second: {token: own}}}}", environ).channels["telegram"]
    off = load("channels: {telegram: {enabled: false}}", environ).channels["telegram"]

    assert token(own) == "own"
    assert list(other.accounts) == ["second"]
    assert not off.enabled


def test_channel_that_nobody_mentions_is_not_imported(load: Load, refuse: Refuse) -> None:
    manifests = {"telegram": manifest("telegram", "no.such.module:Config"), "discord": MANIFESTS["discord"]}

    assert list(load("channels: {discord: {}}", {}, manifests).channels) == ["discord"]
    assert refuse("channels: {telegram: {}}", {}, manifests) == [
        "javis.yaml:1:12: channel 'telegram' does not load (no.such.module:Config): install it again, or take it out"
    ]


def test_all_faults_are_told_at_once_with_their_lines(refuse: Refuse) -> None:
    text = """channels:
  telegrm: {}
  telegram:
    acounts: {}
    rate: {per_second: 0}
    accounts: {default: {token: "${TELEGRAM_TOKEN}"}}
  discord:
    owners: a
gatway: {}
gateway: {port: 65536}
dispatch:
  workers: {min: 5, max: 2}
  webhook_port: -1
heartbeat:
  active_hours: {start: "8:00", end: 25:00, zone: Asia/Tapei}
model_list:
  - {model_name: a, model: b/c, api_base: "ftp://x", api_key: 5}
language: zh-hant
"""
    environ = {"WEBHOOK_PORT": "many", "KIMI_API_URL": "canary-url", "JAVIS_DATABASE_URL": "mysql://u:canary@h/d"}

    assert refuse(text, environ) == [
        "javis.yaml:2:3: unknown channel 'telegrm': did you mean 'telegram'?",
        "javis.yaml:4:5: unknown key 'acounts': did you mean 'accounts'?",
        "javis.yaml:5:24: channels.telegram.rate.per_second must be at least 1",
        "javis.yaml:6:33: ${TELEGRAM_TOKEN} is not set in the environment: set it, or take this line out",
        "javis.yaml:8:13: channels.discord.owners must be a list",
        "javis.yaml:9:1: unknown key 'gatway': did you mean 'gateway'?",
        "javis.yaml:10:17: gateway.port must be at most 65535",
        "javis.yaml:12:3: dispatch.workers must have a min that is not above its max",
        "javis.yaml:13:17: dispatch.webhook_port must be at least 0",
        'javis.yaml:15:25: heartbeat.active_hours.start must be a time of day like "08:00", in quotes',
        'javis.yaml:15:38: heartbeat.active_hours.end must be a time of day like "08:00", in quotes',
        "javis.yaml:15:51: heartbeat.active_hours.zone must be a time zone like Asia/Taipei",
        "javis.yaml:17:43: model_list[0].api_base must be an address that begins with https:// or http://",
        "javis.yaml:17:63: model_list[0].api_key must be text: put it in quotes",
        "javis.yaml:18:11: language must be 'zh-Hant', 'zh-Hans' or 'en': did you mean 'zh-Hant'?",
        "environment: KIMI_API_URL must be an address that begins with https:// or http://",
        "environment: JAVIS_DATABASE_URL must be sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME",
        "environment: WEBHOOK_PORT must be a whole number from 0 to 65535",
    ]


@pytest.mark.parametrize("written", ["${}", "${A-B}", "${A", "${A:-b}", "${ A }"])
def test_reference_of_another_form_is_a_fault(refuse: Refuse, written: str) -> None:
    (fault,) = refuse(f"log: {{file: '{written}'}}", {"A": "a", "A-B": "b"})

    assert fault == "javis.yaml:1:13: write ${NAME} with the name of an environment variable"


def test_reference_takes_its_place_in_the_text_and_is_not_read_again(load: Load) -> None:
    settings = load("agents: {defaults: {workspace: '/home/${WHO}/$x/${WHO}'}}", {"WHO": "${OTHER}", "OTHER": "no"})

    assert settings.agents.defaults.workspace == "/home/${OTHER}/$x/${OTHER}"


def test_port_may_come_from_the_environment(load: Load, refuse: Refuse) -> None:
    assert load("gateway: {port: '${PORT}'}", {"PORT": "81"}).gateway.port == 81
    assert refuse("gateway: {port: '${PORT}'}", {"PORT": "http"}) == [
        "javis.yaml:1:17: gateway.port must be a whole number"
    ]


@pytest.mark.parametrize(
    ("hours", "start", "end", "zone"),
    [
        ("{}", time(8), time(22), "UTC"),
        ("{start: 22:30, end: 06:15, zone: Asia/Taipei}", time(22, 30), time(6, 15), "Asia/Taipei"),
        ('{start: "00:00", end: "24:00", zone: null}', time(0), time(0), "UTC"),
    ],
)
def test_active_hours_are_wall_times_in_a_zone(load: Load, hours: str, start: time, end: time, zone: str) -> None:
    active = load(f"heartbeat: {{active_hours: {hours}}}").heartbeat.active_hours

    assert (active.start, active.end, active.zone) == (start, end, ZoneInfo(zone))


@pytest.mark.parametrize("zone", ["../../etc/passwd", "Mars/Base", "''", "5", "/etc/passwd", "Asia"])
def test_zone_that_does_not_exist_is_a_fault(refuse: Refuse, zone: str) -> None:
    (fault,) = refuse(f"heartbeat: {{active_hours: {{zone: {zone}}}}}")

    assert fault.startswith("javis.yaml:1:34: heartbeat.active_hours.zone must be")


@pytest.mark.parametrize("text", ["- a", "just text", "channels: [telegram]", "channels: {telegram: on}"])
def test_file_of_another_shape_is_a_fault(refuse: Refuse, text: str) -> None:
    (fault,) = refuse(text, {"TELEGRAM_BOT_TOKEN": "1:a"})

    assert "must be a mapping (key: value)" in fault


def test_fault_of_a_token_from_the_environment_says_so_and_hides_it(refuse: Refuse) -> None:
    manifests = {"telegram": manifest("telegram", "tests.unit.settings.platform:PickyConfig")}

    assert refuse(None, {"TELEGRAM_BOT_TOKEN": "canary"}, manifests) == [
        "environment: channels.telegram.accounts must have tokens with a colon"
    ]


def test_secrets_are_never_printed(load: Load) -> None:
    settings = load(
        "model_list: [{model_name: a, model: b/c, api_key: canary-1}]\n"
        "channels: {telegram: {accounts: {two: {token: canary-2}}}}",
        {"KIMI_API_KEY": "canary-3", "DISCORD_BOT_TOKEN": "canary-4"},
    )

    assert "canary" not in repr(settings)
    assert "canary" not in str([channel.model_dump_json() for channel in settings.channels.values()])
    assert settings.secrets == {"canary-1", "canary-2", "canary-3", "canary-4"}


@pytest.mark.parametrize(
    "address", ["http://[::1", "https://", "example.com/v1", "file:///etc/passwd", "http://a:99999"]
)
def test_address_of_another_form_is_a_fault(refuse: Refuse, address: str) -> None:
    (fault,) = refuse(f"model_list: [{{model_name: a, model: b/c, api_base: '{address}'}}]")

    assert fault.endswith("model_list[0].api_base must be an address that begins with https:// or http://")


@pytest.mark.parametrize("name", ["web", "memory", "remind", "chats"])
def test_server_cannot_take_the_name_of_the_houses_own_tools(refuse: Refuse, name: str) -> None:
    """Whoever may use `memory_*` must not be given the tools of a server called memory."""
    (fault,) = refuse(f"tools:\n  mcp:\n    {name}: {{command: x}}\n")
    assert fault.startswith("javis.yaml:3:5: tools.mcp")
    assert "names tools of the house" in fault


def test_what_strangers_may_use_by_default_is_of_the_house(load: Load) -> None:
    allow = load("tools: {mcp: {reminders: {command: x}}}").tools.allow
    for patterns in (allow.direct, allow.group):
        policy = Policy({"group": patterns})
        assert policy.allows("remind_set", "group", None)
        assert not policy.allows("reminders_list", "group", None)


def test_listener_that_the_file_takes_away_stays_away(load: Load) -> None:
    environ = {"WEBHOOK_PORT": "9005"}
    assert load("{}", environ).dispatch.webhook_port == 9005
    assert load("dispatch: {webhook_port: 9006}", environ).dispatch.webhook_port == 9006
    assert load("dispatch: {webhook_port: null}", environ).dispatch.webhook_port is None


def test_text_of_a_wrong_form_is_told_the_right_one(refuse: Refuse) -> None:
    assert refuse("budgets: {currency: usd}") == ["javis.yaml:1:21: budgets.currency must have the form ^[A-Z]{3}$"]
