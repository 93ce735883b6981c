"""Where each provider lives: `<provider>/<id>` of a model_list entry to a base URL and the id to send."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

import httpx

from bot.providers.wire import Replay


class ModelFault(Exception):
    """Root of what is wrong with the models as they are set up; a person must change the settings."""


class BudgetSpent(ModelFault):
    """The day's budget of an agent, of a chat or of the whole bot is used up; nobody is asked before it is renewed."""


class UnknownBase(ModelFault):
    """Nobody said where this provider lives, or what was said is no http(s) address."""


@dataclass(frozen=True, slots=True)
class Base:
    """A provider's usual address.

    `key` tells when it asks for a key: `always`, `never` (local servers), or only at this `address` (`here`),
    because servers at home often speak in the name of a known provider without asking for one. `replay` tells
    which messages must carry their reasoning back, None where the model decides: Kimi K3 wants all of it, DeepSeek
    that of its tool calls (https://platform.kimi.ai/docs/guide/use-thinking-models,
    https://api-docs.deepseek.com/guides/thinking_mode), others refuse a field that they do not know.
    """

    address: str
    key: Literal["always", "here", "never"] = "here"
    replay: Replay | None = None


_KIMI_CODE: Final = Base("https://api.kimi.com/coding/v1", "always", "always")
BASES: Final[Mapping[str, Base]] = MappingProxyType(
    {
        "moonshot": Base("https://api.moonshot.cn/v1", "always", "always"),
        "kimi-coding": _KIMI_CODE,
        "kimi-code": _KIMI_CODE,
        "kimi_code": _KIMI_CODE,
        "openai": Base("https://api.openai.com/v1"),
        "deepseek": Base("https://api.deepseek.com/v1", replay="with_tools"),
        "qwen": Base("https://dashscope.aliyuncs.com/compatible-mode/v1"),
        "zhipu": Base("https://open.bigmodel.cn/api/paas/v4"),
        "groq": Base("https://api.groq.com/openai/v1"),
        "openrouter": Base("https://openrouter.ai/api/v1"),
        "openclaw": Base("http://127.0.0.1:18789/v1", "never"),
        "ollama": Base("http://127.0.0.1:11434/v1", "never"),
    }
)
_KIMI_CODE_ID: Final = "kimi-for-coding"  # the id on the wire: https://www.kimi.com/code/docs/en/


@dataclass(frozen=True, slots=True)
class Location:
    """Where to ask, under which id, whether a key is certainly needed, and which reasoning is wanted back."""

    provider: str
    model_id: str
    base_url: str
    needs_key: bool
    replay: Replay = "never"


def locate(model: str, api_base: str | None) -> Location:
    """Find the way to `<provider>/<id>`; `api_base` overrides the usual address. Raises UnknownBase.

    Only the first slash splits, since ids may hold more (`openrouter/moonshotai/kimi-k3`).
    """
    provider, _, model_id = model.partition("/")
    base = BASES.get(provider)
    if base is None and api_base is None:
        raise UnknownBase(_no_base(model, provider))
    if base is _KIMI_CODE and model_id in ("", "kimi-coding"):
        model_id = _KIMI_CODE_ID
    if not model_id:
        raise UnknownBase(f"model {model!r} has the wrong form: write <provider>/<id>")
    if provider == "openclaw":
        model_id = model  # https://docs.openclaw.ai/gateway/openai-http-api: the agent there, in place of a model
    if base is None:
        base = Base("", "never")
    needs_key = base.key == "always" or (base.key == "here" and api_base is None)
    address = _checked(api_base or base.address, model)
    return Location(provider, model_id, address, needs_key, base.replay or _replay(model_id))


def _replay(model_id: str) -> Replay:
    """For servers that offer many makers' models (openrouter, vllm at home)."""
    name = model_id.lower()
    if "kimi-k" in name:
        return "always"
    return "with_tools" if "deepseek" in name else "never"


def _no_base(model: str, provider: str) -> str:
    near = difflib.get_close_matches(provider, BASES, 1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    return f"model {model!r}: provider {provider!r} is not known{hint}; set api_base to its address"


def _checked(address: str, model: str) -> str:
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme not in ("http", "https") or not url.host:
        # The address is not repeated: it may hold a password.
        raise UnknownBase(f"model {model!r}: api_base is no http(s) address")
    return address.rstrip("/")
