"""The command table as Discord's slash commands."""

from collections.abc import Mapping

import pytest

from bot.catalogue import Catalogue
from bot.commands import TABLE
from channels.discord.commands import choices, command_payloads, fingerprint, in_locale
from channels.discord.manifest import MANIFEST
from channels.port import CommandCard, Suggestion

CARD = CommandCard(
    "tasks",
    {"": "任務", "zh-Hant": "任務", "zh-Hans": "任务", "en": "tasks"},
    {"": "看看任務", "zh-Hant": "看看任務", "zh-Hans": "看看任务", "en": "Look at tasks"},
    argument={"": "哪一個", "en": "Which one"},
    suggests=True,
)


def test_a_card_becomes_a_command_in_all_its_languages() -> None:
    assert command_payloads([CARD]) == [
        {
            "type": 1,
            "name": "tasks",
            "description": "看看任務",
            "name_localizations": {"en-US": "tasks", "en-GB": "tasks", "zh-CN": "任务", "zh-TW": "任務"},
            "description_localizations": {
                "en-US": "Look at tasks", "en-GB": "Look at tasks", "zh-CN": "看看任务", "zh-TW": "看看任務",
            },
            "contexts": [0, 1],
            "default_member_permissions": None,
            "options": [
                {
                    "type": 3,
                    "name": "text",
                    "description": "哪一個",
                    "description_localizations": {"en-US": "Which one", "en-GB": "Which one"},
                    "required": False,
                    "autocomplete": True,
                }
            ],
        }
    ]  # fmt: skip


def test_what_is_for_owners_is_offered_to_those_who_manage_the_server() -> None:
    (payload,) = command_payloads([CommandCard("bind", {"": "bind"}, {"": "Bind"}, for_owners=True)])
    assert payload["default_member_permissions"] == "32"


def test_names_that_discord_would_refuse_are_left_out() -> None:
    (payload,) = command_payloads([CommandCard("new", {"en": "two words", "zh-Hant": "新對話"}, {"": "x" * 200})])
    assert payload["name_localizations"] == {"zh-TW": "新對話"}
    assert len(payload["description"]) == 100
    assert "options" not in payload


def test_every_command_of_the_table_fits() -> None:
    catalogue = Catalogue.load()
    cards = [
        CommandCard(
            command.name,
            catalogue.in_all_languages(command.title, "zh-Hant"),
            catalogue.in_all_languages(command.description, "zh-Hant"),
            argument=catalogue.in_all_languages(command.argument, "zh-Hant") if command.argument else None,
        )
        for command in TABLE.values()
    ]
    payloads = command_payloads(cards)
    assert len(payloads) == len(TABLE)
    for card, payload in zip(cards, payloads, strict=True):
        assert set(payload["name_localizations"]) == {"en-US", "en-GB", "zh-CN", "zh-TW"}
        assert payload["description"] == card.descriptions[""], "nothing had to be cut off"
        for option in payload.get("options", []):
            assert card.argument is not None
            assert option["description"] == card.argument[""]


def test_the_fingerprint_changes_with_anything() -> None:
    first = command_payloads([CARD])
    second = command_payloads([CommandCard("tasks", CARD.names, CARD.descriptions)])
    assert fingerprint("1", first) == fingerprint("1", command_payloads([CARD]))
    assert len({fingerprint("1", first), fingerprint("2", first), fingerprint("1", second)}) == 3


def test_at_most_25_choices_and_none_that_cannot_come_back() -> None:
    found = choices(
        [Suggestion("", "x"), Suggestion("x", "y" * 101), *[Suggestion("l" * 200, str(n)) for n in range(40)]]
    )
    assert [choice["value"] for choice in found] == [str(number) for number in range(25)]
    assert all(len(choice["name"]) == 100 for choice in found)


@pytest.mark.parametrize(
    ("locale", "text"), [("zh-TW", "再試"), ("en-GB", "again"), ("en-US", "again"), ("fr", "?"), (None, "?")]
)
def test_a_text_is_said_in_the_persons_language(locale: str | None, text: str) -> None:
    texts: Mapping[str, str] = {"": "?", "zh-Hant": "再試", "en": "again"}
    assert in_locale(texts, locale) == text


@pytest.mark.parametrize(
    ("platform_id", "fine"),
    [
        ("223456789012345678", True),
        ("1400000000000000005", True),
        ("18446744073709551615", True),
        ("18446744073709551616", False),
        ("-5298003529", False),
        ("5298003529", False),
        ("general", False),
        ("<#223456789012345678>", False),
        ("２２３４５６７８９０１２３４５６７８", False),
        ("", False),
    ],
)
def test_ids_are_snowflakes(platform_id: str, *, fine: bool) -> None:
    for kind in ("peer", "thread", "guild", "sender", "role"):
        assert (MANIFEST.id_problem(kind, platform_id) is None) is fine
