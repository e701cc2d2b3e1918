"""How a life is told when it went wrong: the seed, the rules it broke, the faults it had, and what happened."""

from collections.abc import Iterator

from tests.simulation.driver import Verdict

LAST = 60


def told(verdict: Verdict, *, whole: bool = False) -> str:
    """Tell a life; only its last days unless the whole is wanted."""
    return "\n".join(_lines(verdict, whole=whole))


def _lines(verdict: Verdict, *, whole: bool) -> Iterator[str]:
    kind = verdict.kind
    faults = ", ".join(f"{name} {odds:.3f}" for name, odds in _odds(verdict))
    yield f"seed {verdict.seed}: {kind.days:.0f} days, {'two daemons' if kind.twins else 'one daemon'}, "
    yield f"  on {kind.storage}; faults: {faults or 'none'}"
    diary = verdict.diary if whole else verdict.diary[-LAST:]
    for at, what, about in diary:
        yield f"  {at:%m-%d %H:%M:%S}  {what}  {about}"
    yield from (f"  {text}" for text in (*verdict.violations, *verdict.errors))
    yield f"  again: python -m tests.simulation --seed {verdict.seed} -v"


def _odds(verdict: Verdict) -> Iterator[tuple[str, float]]:
    odds = verdict.kind.odds
    for name in type(odds).__dataclass_fields__:
        if value := getattr(odds, name):
            yield name, value
