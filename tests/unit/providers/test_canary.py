"""Keys, passwords of proxies and headers of gateways never leave the house, whatever a provider says."""

import io
import json
import logging
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.log import LineFormatter, Redaction
from bot.providers.attempt import NoAnswer
from bot.providers.connections import open_connections
from bot.providers.cooldown import Cooldowns, DefaultCooldown
from bot.providers.models import Models
from bot.providers.port import ChatMessage, CompletionRequest
from bot.settings.language_models import ModelEntry
from bot.settings.load import load_settings
from bot.storage.sqlite import open_sqlite
from channels.clock import ManualClock
from tests.unit.providers.server import ProviderServer, completion

KEY, HEADER, PASSWORD = "canary-key-0123456789", "canary-header-0123456789", "canary-password-0123456789"
SECRETS = (KEY, HEADER, PASSWORD)
REQUEST = CompletionRequest([ChatMessage("user", "hi")])
SAYINGS = (
    f"wrong key {KEY}",
    f"Bearer {KEY}",
    json.dumps({"authorization": f"Bearer {KEY}"}),
    f"https://ann:{KEY}@models.example/v1",
    f"line\n{KEY}\x1b[31m",
    KEY * 40,
    f"{'x' * 1990}{KEY}",
)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """All that is logged, from debug upwards, as it stands in the log file."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(LineFormatter(Redaction(SECRETS)))
    ours = logging.getLogger("bot")
    ours.setLevel(logging.DEBUG)
    ours.addHandler(handler)
    yield written
    ours.removeHandler(handler)
    ours.setLevel(logging.NOTSET)


def entries(server: ProviderServer) -> list[ModelEntry]:
    header = {"X-Gateway-Key": SecretStr(HEADER)}
    proxy = SecretStr(f"socks5://ann:{PASSWORD}@127.0.0.1:9")
    return [
        ModelEntry(
            model_name="m", model="moonshot/k", api_key=SecretStr(KEY), api_base=server.base_url, headers=header
        ),
        ModelEntry(model_name="m", model="moonshot/k", api_key=SecretStr(KEY), headers=header, proxy=proxy),
    ]


@pytest.mark.parametrize("saying", SAYINGS)
@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 429, 500, 503])
async def test_no_secret_is_told(
    server: ProviderServer, tmp_path: Path, log: io.StringIO, status: int, saying: str
) -> None:
    clock = ManualClock()
    async with open_sqlite(tmp_path / "javis.db") as storage, open_connections() as connections:
        models = Models(
            entries(server), connections.through, clock, cooldowns=Cooldowns(DefaultCooldown(), clock, storage)
        )
        server.reply({"error": {"type": saying, "message": saying}}, status=status)
        with pytest.raises(NoAnswer) as caught:
            await models.ask(["m"], REQUEST, patience_seconds=0)
    logging.getLogger("bot.test").error("it failed", exc_info=caught.value)
    failure = caught.value
    told = [
        str(failure),
        repr(failure),
        repr(failure.failure),
        repr(failure.attempts),
        repr(models.ways("m")),
        repr(models.ways("m")[0].provider),
        "".join(traceback.format_exception(failure)),
        log.getvalue(),
        *(path.read_bytes().decode("latin-1") for path in tmp_path.iterdir()),
    ]
    assert "model failed" in log.getvalue()
    for secret in SECRETS:
        assert not [text for text in told if secret in text]


async def test_answer_that_repeats_the_key_is_kept_from_the_log(server: ProviderServer, log: io.StringIO) -> None:
    async with open_connections() as connections:
        models = Models(entries(server)[:1], connections.through, ManualClock())
        server.reply(completion("fine"))
        await models.ask(["m"], REQUEST)
    assert "model asked" in log.getvalue()
    assert not [secret for secret in SECRETS if secret in log.getvalue()]


def test_settings_know_every_secret_of_an_entry(server: ProviderServer, tmp_path: Path) -> None:
    path = tmp_path / "javis.yaml"
    path.write_text(
        f"model_list: [{{model_name: m, model: x/y, api_base: 'http://h/v1', api_key: {KEY}, "
        f"headers: {{X-Key: {HEADER}}}, proxy: 'http://ann:{PASSWORD}@proxy:1'}}]",
        encoding="utf-8",
    )
    settings = load_settings(path, {}, {})
    assert {KEY, HEADER, f"http://ann:{PASSWORD}@proxy:1"} <= settings.secrets
    assert not [secret for secret in SECRETS if secret in repr(settings)]
    assert PASSWORD not in Redaction(settings.secrets).clean(f"through http://ann:{PASSWORD}@proxy:1/ it failed")
