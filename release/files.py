"""renewd.yaml(5) and policy.yaml(5), from the JSON Schemas."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from release.roff import bold, escaped, header, item, prose, section
from renewd import __version__

CONFIG = Path(__file__).parents[1] / "config"
ABOUT = {"renewd": "the settings of the renewd service", "policy": "when and how renewd renews subscriptions"}
Schema = dict[str, Any]


def page_of(name: str, date: str) -> str:
    """Write the page of a file."""
    root = json.loads((CONFIG / f"{name}.schema.json").read_text(encoding="utf-8"))
    example = (CONFIG / f"{name}.yaml").read_text(encoding="utf-8")
    lines = [
        header(f"{name}.yaml", 5, date, __version__),
        *section("name", f"{name}.yaml - {ABOUT[name]}"),
        *section(
            "description",
            root["description"],
            "`renewd check` says all that is wrong with it, with its line.",
        ),
        *section("keys", "In a path, NAME stands for any name, and [] for each entry of a list."),
    ]
    for path, key, required in keys(root, root):
        lines += item(f"{bold(path)} {prose(_kind(key))}", _meaning(key, required=required))
    lines += [*section("example"), ".nf", *map(escaped, example.splitlines()), ".fi"]
    lines += section("see also", "renewd(1)")
    return "\n".join(lines) + "\n"


def keys(root: Schema, schema: Schema, path: str = "") -> Iterator[tuple[str, Schema, bool]]:
    """Give every key below a schema, with its path and whether it must be there."""
    schema = _resolved(root, schema)
    for branch in (*schema.get("oneOf", ()), *schema.get("anyOf", ())):
        yield from keys(root, branch, path)
    for below in schema.get("patternProperties", {}).values():
        yield from keys(root, below, f"{path}.NAME")
    if isinstance(schema.get("items"), dict):
        yield from keys(root, schema["items"], f"{path}[]")
    for name, below in schema.get("properties", {}).items():
        there = f"{path}.{name}".removeprefix(".")
        yield there, {**_resolved(root, below), **below}, name in schema.get("required", ())
        yield from keys(root, below, there)


def _resolved(root: Schema, schema: Schema) -> Schema:
    if "$ref" not in schema:
        return schema
    found: Schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
    return found


def _kind(key: Schema) -> str:
    if "const" in key:
        return f"= {key['const']}"
    if "enum" in key:
        return "= " + " | ".join(map(str, key["enum"]))
    if key.get("type") in ("object", "array") or "oneOf" in key:
        return ""
    return f"({key.get('type', 'text')})"


def _meaning(key: Schema, *, required: bool) -> str:
    facts = [key.get("description", "").rstrip(".")]
    if "minimum" in key:
        facts.append(f"at least {key['minimum']}")
    if "maximum" in key:
        facts.append(f"at most {key['maximum']}")
    if required:
        facts.append("required")
    elif "default" in key and not isinstance(key["default"], dict | list):
        facts.append(f"default: {json.dumps(key['default']).strip(chr(34))}")
    return "; ".join(fact for fact in facts if fact)
