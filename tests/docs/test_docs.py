"""What the pages for users say exists: commands, options, files, anchors."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.docs.commands import command_lines, misspelt, words_of

ROOT = Path(__file__).parents[2]
RULES = ROOT / "config" / "prometheus" / "renewd.rules.yaml"
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "systemd").glob("*.md")],
    key=lambda page: page.name,
)
# In an alert a command stands in a sentence: its name, and the options and values after it.
PROMPTED = re.compile(r"renewd [a-z]+(?: ID| --?[a-z]+(?: [\w.*',]+)?)*")
LINK = re.compile(r"\]\(([^)\s]+)\)")


def alerts() -> list[dict[str, dict[str, str]]]:
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def headings(text: str) -> list[str]:
    return re.findall(
        r"^#+ +(.*)$", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE
    )


def anchors(page: Path) -> set[str]:
    """Give the anchors of a page, made of its headings as GitHub makes them."""
    plain = (re.sub(r"[^\w\- ]", "", each.lower()) for each in headings(page.read_text(encoding="utf-8")))
    return {each.strip().replace(" ", "-") for each in plain}


def dead(page: Path, link: str) -> bool:
    if "://" in link:
        return False
    name, _, anchor = link.partition("#")
    there = (page.parent / name).resolve() if name else page
    return not there.exists() or (bool(anchor) and anchor not in anchors(there))


def wrong(text: str) -> Iterator[str]:
    yield from (
        f"renewd {' '.join(words)}: {fault}" for words in command_lines(text) if (fault := misspelt(words))
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_in_a_page_can_be_given(page: Path) -> None:
    assert not list(wrong(page.read_text(encoding="utf-8")))


def test_the_pages_hold_many_commands() -> None:
    found = [words for page in PAGES for words in command_lines(page.read_text(encoding="utf-8"))]
    assert len(found) > 150
    assert ["status"] in found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_link_of_a_page_is_dead(page: Path) -> None:
    links = LINK.findall(page.read_text(encoding="utf-8"))
    assert not [link for link in links if dead(page, link)]


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_every_alert_has_its_page_in_the_runbook(alert: dict[str, dict[str, str]]) -> None:
    _, sought, page = shlex.split(alert["annotations"]["runbook"])
    text = (ROOT / page.removeprefix("/usr/share/doc/renewd/")).read_text(encoding="utf-8")
    (found,) = re.findall(sought.removeprefix("+/") + "$", text, re.MULTILINE)
    section = text.partition(f"{found}\n")[2].partition("\n### ")[0]
    told = re.findall(r"^- \*\*(\w+)", section, re.MULTILINE)
    assert told == ["Means", "Urgency", "Look", "Do", "Over"]
    assert alert["labels"]["severity"].capitalize() in section


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_every_command_in_an_alert_can_be_given(alert: dict[str, dict[str, str]]) -> None:
    said = alert["annotations"]["description"].partition("See: ")[2]
    commands = [words for each in PROMPTED.findall(said) for words in words_of(each)]
    assert not [fault for words in commands if (fault := misspelt(words))]


@pytest.mark.parametrize(
    "mutant",
    [
        "`renewd stats`",
        "```\nrenewd audit verfy\n```",
        "```\nrenewd log --evnt x | head   # comment\n```",
        "`runuser -u renewd -- renewd show --all`",
        "`renewd log -o yaml`",
        "`renewd show A B`",
    ],
)
def test_a_command_that_there_is_not_is_noticed(mutant: str) -> None:
    assert list(wrong(mutant))


@pytest.mark.parametrize("link", ["nowhere.md", "#nowhere", "operating.md#nowhere"])
def test_a_dead_link_is_noticed(link: str) -> None:
    assert dead(ROOT / "docs" / "operating.md", link)


def test_both_readmes_are_the_same_in_two_languages() -> None:
    ours, theirs = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh-CN.md"))
    assert len(headings(ours)) == len(headings(theirs))
    blocks = [re.findall(r"^```.*?^```", text, re.MULTILINE | re.DOTALL) for text in (ours, theirs)]
    assert blocks[0] == blocks[1]
    assert "README.zh-CN.md" in LINK.findall(ours)
    assert "README.md" in LINK.findall(theirs)


def test_every_room_is_on_the_map() -> None:
    rooms = (
        (ROOT / "ARCHITECTURE.md")
        .read_text(encoding="utf-8")
        .partition("## Rooms")[2]
        .partition("```\n\n")[0]
    )
    house = ROOT / "daemon" / "renewd"
    folders = [each.parent.relative_to(house) for each in house.rglob("*.py") if "versions" not in each.parts]
    files = [Path(each.name) for each in house.glob("[!_]*.py")]
    named = {f"{each.name}/" if not each.suffix else each.name for each in [*folders, *files] if each.name}
    assert not [each for each in sorted(named) if each not in rooms]
