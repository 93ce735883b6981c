"""Settings by which requests from outside would not arrive."""

import json
from pathlib import Path

import pytest

from bot.settings.load import load_settings
from bot.webhooks.check import webhook_faults
from channels.registry import load_manifests
from channels.signature import new_key

SHOP = {"accounts": {"shop": {"secrets": [new_key()], "reply_url": "https://shop.example.org/"}}}
TELEGRAM = {"webhook": {"url": "https://bot.example.org", "secret": "s" * 32}}


@pytest.mark.parametrize(
    ("settings", "faults"),
    [
        ({}, []),
        ({"channels": {"webhook": SHOP}}, []),
        ({"channels": {"webhook": SHOP | {"enabled": False}}, "gateway": {"enabled": False}}, []),
        ({"channels": {"webhook": SHOP}, "gateway": {"enabled": False}}, ["gateway.enabled"]),
        ({"channels": {"telegram": TELEGRAM}}, ["gateway.hosts"]),
        ({"channels": {"telegram": TELEGRAM}, "gateway": {"hosts": ["bot.example.org"]}}, []),
        ({"channels": {"telegram": TELEGRAM}, "gateway": {"enabled": False}}, ["gateway.enabled", "gateway.hosts"]),
    ],
)
def test_each_fault_names_the_key_to_change(tmp_path: Path, settings: object, faults: list[str]) -> None:
    path = tmp_path / "javis.yaml"
    path.write_text(json.dumps(settings))
    told = list(webhook_faults(load_settings(path, {}, load_manifests())))
    assert len(told) == len(faults)
    assert all(key in line for key, line in zip(faults, told, strict=True))
