"""Configurations for tests: a small valid one, and a way to say what `renewd check` would about another."""

from pathlib import Path

from renewd.adapters.configuration import ConfigurationError, load_configuration

SETTINGS = """\
version: 1
database: sqlite:///renewd.db
operator_email: operator@example.com
gateways:
  stripe: {kind: stripe, api_key: sk_test_1}
carriers:
  att: {kind: http, api_base: "http://127.0.0.1:8480", token: sandbox}
messengers:
  email: {kind: maildir, path: mail, sender: renewals@example.com}
"""
POLICY = """\
version: 1
plans:
  basic: {carrier: att, price: 40.00 USD, period: 1 month}
"""
CONFIG = Path(__file__).parents[2] / "config"


def complaints(folder: Path, settings: str | bytes = SETTINGS, policy: str | bytes = POLICY) -> list[str]:
    """Write both files and give the first line of every problem, the folder left out."""
    return [each.splitlines()[0] for each in rendered(folder, settings, policy)]


def rendered(folder: Path, settings: str | bytes = SETTINGS, policy: str | bytes = POLICY) -> list[str]:
    """Write both files and give every problem as a terminal would show it, the folder left out."""
    for name, text in (("renewd.yaml", settings), ("policy.yaml", policy)):
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    try:
        load_configuration(folder / "renewd.yaml")
    except ConfigurationError as error:
        return [block.replace(f"{folder}/", "") for block in _blocks(str(error))]
    return []


def _blocks(text: str) -> list[str]:
    """Part the report into problems: a problem's further lines begin with a space."""
    blocks: list[str] = []
    for line in text.splitlines():
        if line.startswith(" "):
            blocks[-1] += f"\n{line}"
        else:
            blocks.append(line)
    return blocks
