from typing import Literal

import pytest
from pydantic import Field, SecretStr, field_validator

from channels.config import Strict
from routing.document import FileFaults, nearest, parse_document, validate


class Order(Strict):
    primary: str
    fallbacks: list[str] = Field(default_factory=list)


class Account(Strict):
    token: SecretStr | None = None


class Example(Strict):
    accounts: dict[str, Account] = Field(default_factory=dict)
    model: str | Order | None = None
    policy: Literal["open", "allowlist", "disabled"] = "open"
    port: int = Field(default=1, ge=0, le=65535)
    items: list[Order] = Field(default_factory=list)
    zone: str = "UTC"

    @field_validator("zone")
    @classmethod
    def _known(cls, zone: str) -> str:
        if zone != "UTC":
            raise ValueError("must be UTC")
        return zone


def faults_of(text: str) -> list[str]:
    with pytest.raises(FileFaults) as caught:
        validate(parse_document(text, "f.yaml"), Example)
    return str(caught.value).splitlines()


def test_right_file_becomes_its_model() -> None:
    model = validate(parse_document("port: 80\naccounts: {default: {token: x}}", "f.yaml"), Example)

    assert model.port == 80
    assert repr(model.accounts["default"].token) == "SecretStr('**********')"


def test_empty_file_is_all_defaults() -> None:
    assert validate(parse_document("", "f.yaml"), Example) == Example()


def test_all_faults_are_told_at_once_in_the_order_of_the_file() -> None:
    assert faults_of("port: 99999\nacounts: {}\npolicy: opn\nitems:\n  - {primry: a}\n") == [
        "f.yaml:1:7: port must be at most 65535",
        "f.yaml:2:1: unknown key 'acounts': did you mean 'accounts'?",
        "f.yaml:3:9: policy must be 'open', 'allowlist' or 'disabled': did you mean 'open'?",
        "f.yaml:5:5: items[0].primary is missing",
        "f.yaml:5:6: unknown key 'primry': did you mean 'primary'?",
    ]


def test_unknown_key_like_no_other_is_told_with_those_there_are() -> None:
    assert faults_of("accounts: {default: {zzz: 1}}") == ["f.yaml:1:22: unknown key 'zzz': there are token"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("port: '80'", "port must be a whole number"),
        ("port: 1.5", "port must be a whole number"),
        ("port: true", "port must be a whole number"),
        ("zone: 5", "zone must be text: put it in quotes"),
        ("zone:", "zone must be text, but nothing is written here"),
        ("zone: Mars", "zone must be UTC"),
        ("items: a", "items must be a list"),
        ("items: [a]", "items[0] must be a mapping (key: value)"),
        ("accounts: [a]", "accounts must be a mapping (key: value)"),
        ("- a", "the file must be a mapping (key: value)"),
        ("model: [a]", "model must be text, or must be a mapping (key: value)"),
    ],
)
def test_wrong_value_is_told_in_plain_words(text: str, words: str) -> None:
    (fault,) = faults_of(text)

    assert fault.endswith(f": {words}")


def test_union_tells_only_of_the_branch_that_was_meant() -> None:
    assert faults_of("model: {primary: a, fallback: []}") == [
        "f.yaml:1:21: unknown key 'fallback': did you mean 'fallbacks'?"
    ]


def test_value_is_never_repeated() -> None:
    text = (
        "accounts: {a: {token: [canary-1]}, b: canary-2, c: {token: {x: canary-3}}, d: {token: 5551234}}\n"
        "policy: canary-4\nport: canary-5\nmodel: [canary-6]\nzone: canary-7\n"
    )
    faults = "\n".join(faults_of(text))

    assert len(faults.splitlines()) == 8
    assert "canary" not in faults
    assert "5551234" not in faults


def test_part_of_a_file_is_told_with_its_whole_path() -> None:
    document = parse_document("x:\n  - port: a\n    prt: 1\n", "f.yaml")

    with pytest.raises(FileFaults) as caught:
        validate(document, Example, at=("x", 0))

    assert str(caught.value).splitlines() == [
        "f.yaml:2:11: x[0].port must be a whole number",
        "f.yaml:3:5: unknown key 'prt': did you mean 'port'?",
    ]


def test_data_given_in_place_of_the_files_is_validated_at_the_files_places() -> None:
    document = parse_document("port: '${PORT}'", "f.yaml")

    with pytest.raises(FileFaults, match=r"^f\.yaml:1:7: port must be at most 65535$"):
        validate(document, Example, {"port": 70000})


def test_nearest_word_ignores_case_and_knows_when_nothing_is_near() -> None:
    assert nearest("Telegramm", ["discord", "telegram"]) == "telegram"
    assert nearest("zh-hant", ["zh-Hant", "en"]) == "zh-Hant"
    assert nearest("xyz", ["discord", "telegram"]) is None
