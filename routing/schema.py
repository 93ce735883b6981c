"""What pydantic found, in plain words, and the keys that a model knows at some level."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from routing.faults import nearest

Loc = Sequence[str | int]

_WORDS: Final[Mapping[str, str]] = {
    "missing": "is missing",
    "string_type": "must be text",
    "string_sub_type": "must be text",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "set_type": "must be a list",
    "frozen_set_type": "must be a list",
    "dict_type": "must be a mapping (key: value)",
    "model_type": "must be a mapping (key: value)",
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be less than {lt}",
    "string_too_short": "must have at least {min_length} character(s)",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "must have the form {pattern}",
    "too_short": "must have at least {min_length} item(s)",
    "too_long": "must have at most {max_length} items",
}
_WRONG_KIND: Final = frozenset(kind for kind in _WORDS if kind.endswith("_type"))


def plain_message(errors: Sequence[ErrorDetails], model: type[BaseModel], loc: Loc, at: Loc = ()) -> str:
    """One line for people about what is wrong at one place; no value of the file is repeated.

    The place is `loc` in `model`, which itself stands at `at` in the file. Several errors are those of the
    branches of a union.
    """
    first = errors[0]
    if first["type"] == "extra_forbidden":
        return _unknown_key(str(loc[-1]), known_keys(model, loc[:-1]))
    complaints = dict.fromkeys(_complaint(error) for error in errors)
    return f"{dotted([*at, *loc])} {', or '.join(complaints)}"


def is_wrong_kind(error: ErrorDetails) -> bool:
    """True where text stands in place of a list and the like: another branch of a union may fit better."""
    return error["type"] in _WRONG_KIND


def written(error: ErrorDetails, data: Any) -> tuple[str | int, ...]:
    """The error's place as a path in `data`, without what pydantic adds (names of branches, `[key]`)."""
    *above, last = error["loc"] or ("",)
    path: list[str | int] = []
    for key in (*above, last):
        inside = data if isinstance(data, Mapping) else dict(enumerate(data)) if isinstance(data, list) else {}
        if key in inside:
            path.append(key)
            data = inside[key]
    if error["type"] == "missing":
        path.append(last)
    return tuple(path)


def dotted(loc: Loc) -> str:
    """`("model_list", 0, "model")` as `model_list[0].model`; the whole file for an empty path."""
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in loc)
    return text.removeprefix(".") or "the file"


def known_keys(annotation: Any, loc: Loc) -> Sequence[str]:
    """The keys that may stand at `loc` of a value of this type; empty where any may."""
    return [key for model in _models_at(annotation, list(loc)) for key in _fields(model)]


def _complaint(error: ErrorDetails) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "literal_error":
        return _choices(str(context["expected"]), error["input"])
    if kind == "value_error":
        return str(context["error"])
    words = _WORDS.get(kind)
    if words is None:
        return f"is wrong: {error['msg']}"
    words = words.format_map(context)
    if error["input"] is None:
        return f"{words}, but nothing is written here"
    if kind == "string_type" and isinstance(error["input"], int | float):
        return f"{words}: put it in quotes"
    return words


def _choices(expected: str, given: Any) -> str:
    words = f"must be {expected}"
    near = nearest(given, expected.split("'")[1::2]) if isinstance(given, str) else None
    return f"{words}: did you mean {near!r}?" if near else words


def _unknown_key(key: str, known: Sequence[str]) -> str:
    near = nearest(key, known)
    words = f"unknown key {key!r}"
    if near:
        return f"{words}: did you mean {near!r}?"
    return f"{words}: there are {', '.join(known)}" if known else words


def _fields(model: type[BaseModel]) -> Iterator[str]:
    for name, info in model.model_fields.items():
        yield info.alias or name


def _models_at(annotation: Any, loc: list[str | int]) -> Iterable[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if not loc:
            return [annotation]
        fields = {info.alias or name: info.annotation for name, info in annotation.model_fields.items()}
        return _models_at(fields[str(loc[0])], loc[1:]) if loc[0] in fields else []
    arguments = get_args(annotation)
    if get_origin(annotation) in {dict, list, tuple, Mapping, Sequence} and loc:
        return _models_at(arguments[-1], loc[1:])
    return [model for argument in arguments for model in _models_at(argument, loc)]
