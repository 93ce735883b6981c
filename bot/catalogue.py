"""The bot's words in three languages, from the gettext catalogues under bot/locale."""

import re
from collections.abc import Mapping
from gettext import GNUTranslations
from importlib.resources import files
from typing import Final, Literal, Self, get_args

Language = Literal["zh-Hant", "zh-Hans", "en"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)

_PLACEHOLDER: Final = re.compile(r"\{([a-z_]+)\}")
_TRADITIONAL: Final = frozenset({"hant", "tw", "hk", "mo"})


class Catalogue:
    """Says a word of bot/words.py in a language."""

    def __init__(self, translations: Mapping[Language, GNUTranslations]) -> None:
        self._translations = translations

    @classmethod
    def load(cls) -> Self:
        """The catalogues that come with the package."""
        return cls({language: _read(language) for language in LANGUAGES})

    def language_for(self, platform_tag: str | None, default: Language) -> Language:
        """The language for a platform's IETF tag (`zh-TW`, `en-GB`); `default` for a language not spoken here."""
        language, *subtags = (platform_tag or "").lower().replace("_", "-").split("-")
        if language == "en":
            return "en"
        if language != "zh":
            return default
        is_traditional = "hans" not in subtags and not _TRADITIONAL.isdisjoint(subtags)
        return "zh-Hant" if is_traditional else "zh-Hans"

    def say(self, language: Language, msgid: str, /, **values: object) -> str:
        """The sentence `msgid` (a constant of bot/words.py) with `{name}` replaced by each value as it is.

        Raises KeyError for a value that the sentence needs and was not given.
        """
        sentence = self._translations[language].gettext(msgid)
        # Not str.format: a value with braces in it must stay what somebody wrote.
        return _PLACEHOLDER.sub(lambda found: str(values[found[1]]), sentence)

    def in_all_languages(self, msgid: str, default: Language) -> dict[str, str]:
        """A sentence without values by language tag; under "" for those who speak none of ours."""
        return {"": self.say(default, msgid)} | {language: self.say(language, msgid) for language in LANGUAGES}


def _read(language: Language) -> GNUTranslations:
    folder = files("bot") / "locale" / language.replace("-", "_") / "LC_MESSAGES"
    with (folder / "javis.mo").open("rb") as file:
        return GNUTranslations(file)
