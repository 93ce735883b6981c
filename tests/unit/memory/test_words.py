"""How text becomes words for the index."""

from hypothesis import given
from hypothesis import strategies as st

from bot.memory.words import MOST_ASKED, asked_words, index_words


def test_chinese_becomes_pairs_and_the_last_character() -> None:
    assert index_words("我愛貓") == "我愛 愛貓 貓"
    assert asked_words("愛貓") == [("愛貓", False)]
    assert asked_words("貓") == [("貓", True)]


def test_scripts_side_by_side_are_parted() -> None:
    assert index_words("用Python寫code, 3個!") == "用 python 寫 code 3 個"


def test_width_and_case_make_no_difference() -> None:
    assert index_words("ＡＢＣ") == index_words("abc") == "abc"


def test_kana_and_hangul_are_paired_too() -> None:
    assert index_words("ねこ 고양이") == "ねこ こ 고양 양이 이"


@given(st.text(max_size=300))
def test_words_hold_nothing_that_a_search_would_read_as_its_own_marks(text: str) -> None:
    for word in [*index_words(text).split(), *(word for word, _ in asked_words(text))]:
        assert word
        assert not set(word) & set("\"'*():^ -+\n")
    assert len(asked_words(text)) <= MOST_ASKED


@given(st.text(alphabet="我愛貓狗你他", min_size=2, max_size=12), st.data())
def test_every_two_characters_of_a_text_are_found_in_it(text: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(text) - 2))
    (word, is_start), *_ = asked_words(text[at : at + 2])
    assert not is_start
    assert word in index_words(text).split()
