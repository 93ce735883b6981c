import re
from importlib.resources import files
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

from bot import words
from bot.catalogue import LANGUAGES, Catalogue, Language
from bot.commands import TABLE
from bot.reasons import Reason

CONSTANTS = {name: value for name, value in vars(words).items() if name.isupper() and isinstance(value, str)}
CONSTANTS |= {f"Reason.{reason.name}": reason.meaning for reason in Reason}
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue.load()


def po_file(language: Language) -> Path:
    return Path(str(files("bot"))) / "locale" / language.replace("-", "_") / "LC_MESSAGES" / "javis.po"


def read(language: Language) -> Catalog:
    with po_file(language).open("rb") as file:
        return read_po(file)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_is_translated_with_the_same_placeholders(language: Language) -> None:
    translations = {str(message.id): message for message in read(language) if message.id}

    assert set(translations) == set(CONSTANTS.values())
    for msgid, message in translations.items():
        assert message.string, msgid
        assert not message.fuzzy
        assert set(PLACEHOLDER.findall(str(message.string))) == set(PLACEHOLDER.findall(msgid)), msgid


@pytest.mark.parametrize("language", LANGUAGES)
def test_compiled_catalogue_is_that_of_the_text(language: Language) -> None:
    with po_file(language).with_suffix(".mo").open("rb") as file:
        compiled = read_mo(file)

    assert {message.id: message.string for message in compiled if message.id} == {
        message.id: message.string for message in read(language) if message.id
    }, "run: pybabel compile -d bot/locale -D javis"


def test_no_two_words_are_the_same_sentence() -> None:
    assert len(set(CONSTANTS.values())) == len(CONSTANTS)


def test_english_is_the_sentence_itself() -> None:
    assert all(message.string == message.id for message in read("en") if message.id)


def test_accepted_task_is_told_in_two_lines(catalogue: Catalogue) -> None:
    said = catalogue.say("zh-Hant", words.TASK_ACCEPTED, name="寫程式")

    assert said == "✅ Kimi 任務已派發：寫程式\n完成後會自動通知你！"


def test_done_task_is_told_with_everything(catalogue: Catalogue) -> None:
    said = catalogue.say(
        "zh-Hant",
        words.TASK_DONE,
        name="寫程式",
        model="moonshot-v1-128k",
        prompt_tokens=12,
        completion_tokens=30,
        total_tokens=42,
        summary="def fib(n): ...",
        command="/tasks kimi-1",
    )

    assert said == (
        "✅ Kimi 任務完成！\n\n📋 任務：寫程式\n🤖 模型：moonshot-v1-128k\n💾 Token：12（提示）+ 30（生成）= 42\n\n"
        "📝 結果摘要：\ndef fib(n): ...\n\n💡 完整結果：/tasks kimi-1"
    )


def test_missing_key_is_told_exactly(catalogue: Catalogue) -> None:
    assert catalogue.say("zh-Hant", words.MISSING_KEY) == "未設定 KIMI_API_KEY 環境變數"


@pytest.mark.parametrize("value", ["{name}", "{other}", "{0}", "{{}}", "%s", "\\1", "\\g<0>"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_braces_in_a_value_stay_as_they_are(catalogue: Catalogue, language: Language, value: str) -> None:
    assert value in catalogue.say(language, words.CANCEL_DONE, name=value)


def test_forgotten_value_is_an_error(catalogue: Catalogue) -> None:
    with pytest.raises(KeyError, match="name"):
        catalogue.say("en", words.CANCEL_DONE)


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("zh-TW", "zh-Hant"),
        ("zh_HK", "zh-Hant"),
        ("zh-MO", "zh-Hant"),
        ("zh-hant", "zh-Hant"),
        ("zh-Hant-CN", "zh-Hant"),
        ("zh", "zh-Hans"),
        ("zh-CN", "zh-Hans"),
        ("zh-hans", "zh-Hans"),
        ("zh-Hans-HK", "zh-Hans"),
        ("en", "en"),
        ("en-GB", "en"),
        ("EN_us", "en"),
    ],
)
@pytest.mark.parametrize("default", LANGUAGES)
def test_platform_tag_chooses_the_language(catalogue: Catalogue, tag: str, language: str, default: Language) -> None:
    assert catalogue.language_for(tag, default) == language


@pytest.mark.parametrize("tag", [None, "", "ja", "de-DE", "eng", "zhuang", "-", "x" * 1000])
@pytest.mark.parametrize("default", LANGUAGES)
def test_other_platform_tag_leaves_the_default(catalogue: Catalogue, tag: str | None, default: Language) -> None:
    assert catalogue.language_for(tag, default) == default


@pytest.mark.parametrize("language", LANGUAGES)
def test_command_descriptions_fit_every_menu(catalogue: Catalogue, language: Language) -> None:
    """100 characters for Discord, 256 for Telegram."""
    descriptions = [value for name, value in CONSTANTS.items() if name.startswith("COMMAND_")]

    assert len(descriptions) == len(TABLE)
    for description in descriptions:
        assert 3 <= len(catalogue.say(language, description)) <= 100


def test_every_reason_and_state_has_a_word() -> None:
    assert set(words.FAILURES) >= {"model_unreachable", "model_busy", "model_refused", "model_misconfigured"}
    assert set(words.TASK_STATES) == {"queued", "running", "succeeded", "failed", "timed_out", "cancelled"}
    assert set(words.FAILURES.values()) | set(words.TASK_STATES.values()) <= set(CONSTANTS.values())
