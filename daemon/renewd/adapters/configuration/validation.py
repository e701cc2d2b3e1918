"""Data against its model: what pydantic finds, said in our words at the place where it is to be mended."""

import re
from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from renewd.adapters.configuration.document import Document, Finding, KeyPath
from renewd.adapters.configuration.problems import GUARDED, did_you_mean, quoted
from renewd.renewal.fields import Section
from renewd.secret import is_reference

Model = TypeVar("Model", bound=Section)

NO_VALUE = "has no value; write one, or take the key out"
MOST_FINDINGS = 200  # nobody mends more in one go

_MESSAGES = {
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "string_type": "must be text",
    "list_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must not be empty",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "value_error": "{error}",
}


def validated(document: Document, model: type[Model]) -> tuple[Model | None, list[Finding]]:
    """Make a model of a document's data; None, and why not, when it is none."""
    _hide_secrets(document, model)
    if not isinstance(document.data, dict):
        return None, [Finding((), 'must be a mapping of keys to values, as in "version: 1"')]
    value, findings = None, []
    try:
        value = model.model_validate(document.data)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)[:MOST_FINDINGS]
        findings = [_finding(detail, document.data, model) for detail in details]
    return value, [*_without_doubles(findings), *_empty(document.data, (), {each.path for each in findings})]


def _hide_secrets(document: Document, model: type[Section]) -> None:
    """Note which values must not be shown: by the name of their key, or because the model says so."""
    hides = getattr(model, "hides", lambda _: False)
    document.secret = frozenset(
        path
        for path in document.leaves
        if (_is_guarded(path) or hides(path)) and not is_reference(_value_at(document.data, path))
    )


def _is_guarded(path: KeyPath) -> bool:
    key = next((step for step in reversed(path) if isinstance(step, str)), "")
    return GUARDED.search(key) is not None


def _finding(detail: Any, data: Any, model: type[Section]) -> Finding:
    kind, context = detail["type"], detail.get("ctx", {})
    path, at_key = _path_in(detail["loc"], data, missing=kind in ("missing", "union_tag_not_found"))
    match kind:
        case "extra_forbidden":
            word = str(path[-1])
            known = _keys_at(model, path[:-1], data)
            return Finding(path, f"unknown key {quoted(word)}", did_you_mean(word, known), at_key=True)
        case "missing":
            return Finding(path, f"missing key {quoted(str(detail['loc'][-1]))}", at_key=True)
        case "union_tag_not_found":
            return Finding(path, 'missing key "kind"', at_key=True)
        case "union_tag_invalid":
            return _choice((*path, "kind"), context["expected_tags"], data)
        case "enum" | "literal_error":
            return _choice(path, context["expected"], data, at_key=at_key)
    value = _value_at(data, path)
    if value is None:
        return Finding(path, NO_VALUE, at_key=True)
    message = _MESSAGES[kind].format_map(context) if kind in _MESSAGES else detail["msg"]
    return Finding(path, message, _advice(kind, value), at_key=at_key)


def _advice(kind: str, value: Any) -> str:
    """Suggest quotes where YAML has read something else than the text that was meant: `2024`, `{env NAME}`."""
    if kind == "string_type" and type(value) is int:
        return f"write {quoted(str(value))} in quotes"
    braces = isinstance(value, dict) and len(value) == 1 and None in value.values()
    return "put it in quotes, braces and all" if braces and kind == "value_error" else ""


def _choice(path: KeyPath, expected: str, data: Any, *, at_key: bool = False) -> Finding:
    known = re.findall(r"'([^']*)'", expected) or [expected]
    word = path[-1] if at_key else _value_at(data, path)
    advice = did_you_mean(word, known) if isinstance(word, str) else ""
    message = f"must be one of: {', '.join(known)}" if len(known) > 1 else f"must be {known[0]}"
    return Finding(path, message, advice, at_key=at_key)


def _path_in(loc: tuple[str | int, ...], data: Any, *, missing: bool) -> tuple[KeyPath, bool]:
    """Keep those steps of pydantic's location that the file has too; the others are branches of a union.

    Say also whether the key at the path is meant. A missing key is reported at the mapping that should have it.
    """
    path: list[str | int] = []
    step: Any
    for step in loc:
        if (isinstance(data, dict) and step in data) or (isinstance(data, list) and step in range(len(data))):
            path.append(step)
            data = data[step]
    return tuple(path), missing or loc[-1:] == ("[key]",)


def _value_at(data: Any, path: KeyPath) -> Any:
    step: Any
    for step in path:
        if not (isinstance(data, dict) and step in data) and not (
            isinstance(data, list) and isinstance(step, int)
        ):
            return None
        data = data[step]
    return data


def _keys_at(model: type[Section], path: KeyPath, data: Any) -> list[str]:
    """Give the keys that the mapping at a path may have."""
    kind = (_value_at(data, path) or {}).get("kind")
    shapes = list(_shapes(model, path))
    fitting = [shape for shape in shapes if kind in _literals(shape)] or shapes
    return [name for shape in fitting for name in shape.model_fields]


def _shapes(kind: Any, path: KeyPath) -> Iterator[type[BaseModel]]:
    """Walk the annotations of a model along a path to the models that may stand there."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        yield from _shapes(arguments[0], path)
    elif origin in (Union, UnionType):
        for branch in arguments:
            yield from _shapes(branch, path)
    elif origin in (dict, list) and path:
        yield from _shapes(arguments[-1], path[1:])
    elif isinstance(kind, type) and issubclass(kind, BaseModel):
        if not path:
            yield kind
        elif path[0] in kind.model_fields:
            yield from _shapes(kind.model_fields[str(path[0])].annotation, path[1:])


def _literals(shape: type[BaseModel]) -> tuple[Any, ...]:
    field = shape.model_fields.get("kind")
    return get_args(field.annotation) if field and get_origin(field.annotation) is Literal else ()


def _empty(data: Any, path: KeyPath, known: set[KeyPath]) -> Iterator[Finding]:
    """Find keys without a value: they would mean the default, which nobody can see in the file."""
    if path in known:
        return
    if data is None:
        yield Finding(path, NO_VALUE, at_key=True)
    children = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for step, child in children:
        yield from _empty(child, (*path, step), known)


def _without_doubles(findings: list[Finding]) -> list[Finding]:
    return list({(each.path, each.message): each for each in findings}.values())
