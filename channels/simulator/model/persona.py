"""What the simulated model says by itself: it never pretends to think. Pure.

Asked for a Fibonacci function in Python it writes one that works, with unit tests; anything else it answers in the
language of the question by saying that it is a stand-in, and what it was given.
"""

import re
from collections.abc import Sequence
from typing import Any, Final, Literal

Language = Literal["zh-Hant", "zh-Hans", "en"]
Message = dict[str, Any]

_CHINESE: Final = re.compile(r"[\u3400-\u9fff]")
# Frequent letters that exist in one of the two scripts only.
_SIMPLIFIED: Final = frozenset("写个这为们说对时会国发问么没现样当请单测试数应该长门见书车东马语话给让过还进远边习电")
_FIBONACCI: Final = re.compile(r"fibonacci|[費费斐].{0,1}波那[契齊切]|費氏數列|费氏数列", re.IGNORECASE)
_QUOTED_CHARACTERS: Final = 200
_IN_A_GROUP: Final = re.compile(r'<message from="[^"]*">(.*?)</message>', re.DOTALL)  # how Javis tells who wrote it

_CODE: Final = '''```python
import unittest


def fibonacci(n: int) -> int:
    """Return the n-th Fibonacci number, counted from fibonacci(0) == 0."""
    if n < 0:
        raise ValueError("n must not be negative")
    current, following = 0, 1
    for _ in range(n):
        current, following = following, current + following
    return current


class FibonacciTest(unittest.TestCase):
    def test_begins_with_zero_and_one(self) -> None:
        self.assertEqual([fibonacci(n) for n in range(2)], [0, 1])

    def test_every_number_is_the_sum_of_the_two_before(self) -> None:
        for n in range(2, 50):
            self.assertEqual(fibonacci(n), fibonacci(n - 1) + fibonacci(n - 2))

    def test_large_numbers_are_exact(self) -> None:
        self.assertEqual(fibonacci(100), 354224848179261915075)

    def test_negative_n_is_refused(self) -> None:
        with self.assertRaises(ValueError):
            fibonacci(-1)


if __name__ == "__main__":
    unittest.main()
```'''

_FIBONACCI_WORDS: Final[dict[Language, tuple[str, str]]] = {
    "zh-Hant": (
        "這是 **Python 的費波那契函數**，附單元測試：",
        (
            "- 時間 `O(n)`，空間 `O(1)`，沒有遞迴深度的限制\n- 負數會引發 `ValueError`\n"
            "- 存成 `fibonacci.py`，執行 `python -m unittest fibonacci.py`\n\n"
            "_（這段回答來自模擬模型，沒有呼叫真正的 Kimi。）_"
        ),
    ),
    "zh-Hans": (
        "这是 **Python 的斐波那契函数**，附单元测试：",
        (
            "- 时间 `O(n)`，空间 `O(1)`，没有递归深度的限制\n- 负数会引发 `ValueError`\n"
            "- 存成 `fibonacci.py`，运行 `python -m unittest fibonacci.py`\n\n"
            "_（这段回答来自模拟模型，没有调用真正的 Kimi。）_"
        ),
    ),
    "en": (
        "Here is a **Fibonacci function in Python** with unit tests:",
        (
            "- `O(n)` time, `O(1)` space, no recursion limit\n- a negative number raises `ValueError`\n"
            "- save it as `fibonacci.py` and run `python -m unittest fibonacci.py`\n\n"
            "_(This answer comes from the simulated model; the real Kimi was not asked.)_"
        ),
    ),
}
_OTHER_WORDS: Final[dict[Language, str]] = {
    "zh-Hant": (
        "我是**模擬模型**，不會真的思考，只用來試走整條路。\n\n你問的是：\n> {question}\n\n"
        "這次請求裡，在這個問題之前共有 {history} 則訊息。設定 `KIMI_API_KEY` 之後，就會由真正的 Kimi 回答。"
    ),
    "zh-Hans": (
        "我是**模拟模型**，不会真的思考，只用来试走整条路。\n\n你问的是：\n> {question}\n\n"
        "这次请求里，在这个问题之前共有 {history} 条消息。设置 `KIMI_API_KEY` 之后，就会由真正的 Kimi 回答。"
    ),
    "en": (
        "I am a **stand-in for the model**: I do not think, I only let you try the whole road.\n\n"
        "You asked:\n> {question}\n\n"
        "Before this question the request held {history} messages. Set `KIMI_API_KEY` and the real Kimi will answer."
    ),
}
_IMAGE_WORDS: Final[dict[Language, str]] = {
    "zh-Hant": "跟問題一起來的有 {count} 張圖片。",
    "zh-Hans": "跟问题一起来的有 {count} 张图片。",
    "en": "With the question came images: {count}.",
}


def answer(messages: Sequence[Message]) -> str:
    """The answer, in markdown, to a list of chat messages."""
    question = last_question(messages)
    language = guess_language(question)
    if _FIBONACCI.search(question):
        before, after = _FIBONACCI_WORDS[language]
        return f"{before}\n\n{_CODE}\n\n{after}"
    history = sum(message.get("role") in {"user", "assistant"} for message in messages) - 1
    quoted = " ".join(question.split())
    if len(quoted) > _QUOTED_CHARACTERS:
        quoted = quoted[:_QUOTED_CHARACTERS] + "…"
    told = _OTHER_WORDS[language].format(question=quoted, history=max(0, history))
    images = count_images(messages[-1]) if messages else 0
    return f"{told}\n\n{_IMAGE_WORDS[language].format(count=images)}" if images else told


def last_question(messages: Sequence[Message]) -> str:
    """The last thing that a person wrote; empty when nobody wrote anything."""
    text = next((text_of(message) for message in reversed(messages) if message.get("role") == "user"), "")
    return _IN_A_GROUP.sub(r"\1", text)


def text_of(message: Message) -> str:
    """The text of a message whose content is a string or a list of parts."""
    content = message.get("content")
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict) and "text" in part)
    return content if isinstance(content, str) else ""


def count_images(message: Message) -> int:
    content = message.get("content")
    parts = content if isinstance(content, list) else []
    return sum(isinstance(part, dict) and part.get("type") == "image_url" for part in parts)


def guess_language(text: str) -> Language:
    if not _CHINESE.search(text):
        return "en"
    return "zh-Hans" if _SIMPLIFIED & set(text) else "zh-Hant"


def estimate_tokens(text: str) -> int:
    """About what Kimi would count: two Chinese characters, or four others, in a token and a half."""
    chinese = len(_CHINESE.findall(text))
    return -(-chinese * 3 // 4) + -(-(len(text) - chinese) // 4)
