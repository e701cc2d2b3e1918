"""Renewals a second over HTTP, beside the ceilings they live under and the loop they replace."""

import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from renewd.sandbox.process import SandboxProcess
from tests.benchmarks import jobs, peer
from tests.benchmarks.alone import Job, alone
from tests.benchmarks.measure import Row, middle, noise

LATENCIES = (0, 50)  # milliseconds
REQUESTS = 2  # of one renewal, one after the other
CHANGES = 3  # of one renewal: before its charge, between its two legs, after its extension


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured, and how often."""

    renewals: int = 3000
    concurrency: int = 64
    repeat: int = 3


class Figures:
    """What the repetitions of one job have measured."""

    def __init__(self, renewals: int) -> None:
        self.renewals = renewals
        self._values: defaultdict[str, list[float]] = defaultdict(list)

    def add(self, measured: dict[str, float]) -> None:
        for name, value in measured.items():
            self._values[name].append(value)

    def rates(self, name: str = "renew") -> list[float]:
        """Renewals a second."""
        return [self.renewals / seconds for seconds in self._values[name]]

    def rate(self, name: str = "renew") -> float:
        return middle(self.rates(name))

    def cpu(self, *names: str) -> list[float]:
        """Seconds of processor time for 1,000 renewals."""
        each = zip(*(self._values[f"{name}_cpu"] for name in names or ("renew",)), strict=True)
        return [1000 * sum(parts) / self.renewals for parts in each]

    def rss(self) -> float:
        return max(self._values["rss"])


@dataclass(frozen=True, slots=True)
class Work:
    """One of the things that are measured; without a latency there is no sandbox."""

    job: Job
    renewals: int
    latency: int | None = None
    concurrency: int | None = None

    def done(self) -> dict[str, float]:
        """Do it in a process and a folder of its own, against a new sandbox."""
        options = {"concurrency": self.concurrency} if self.concurrency else {}
        with tempfile.TemporaryDirectory(prefix="renewd-bench-") as folder:
            if self.latency is None:
                return alone(self.job, folder=folder, url="", renewals=self.renewals, **options)
            sandbox = SandboxProcess(latency_ms=self.latency)
            try:
                return alone(self.job, folder=folder, url=sandbox.url, renewals=self.renewals, **options)
            finally:
                sandbox.stop()


def renewals(size: Size) -> Iterator[Row]:
    """Measure everything in turns, so that a busy minute of the machine is shared by all."""
    works = _works(size)
    figures = {name: Figures(work.renewals) for name, work in works.items()}
    for _ in range(size.repeat):
        for name, work in works.items():
            figures[name].add(work.done())
    for latency in LATENCIES:
        yield from _at_latency(figures, latency, size)
    yield from _without_http(figures["store"])
    yield from _costs(figures)


def _works(size: Size) -> dict[str, Work]:
    works = {"store": Work(jobs.renew, size.renewals, None, size.concurrency)}
    for latency in LATENCIES:
        works[f"renewd {latency}"] = Work(jobs.renew, size.renewals, latency, size.concurrency)
        works[f"http {latency}"] = Work(jobs.request, size.renewals, latency, size.concurrency)
        # A loop needs no long run to show its pace.
        works[f"loop {latency}"] = Work(peer.loop, size.renewals // (60 if latency else 5) + 1, latency)
    return works


def _at_latency(figures: dict[str, Figures], latency: int, size: Size) -> Iterator[Row]:
    ours, http, looped = (figures[f"{name} {latency}"] for name in ("renewd", "http", "loop"))
    rates, rate = ours.rates(), ours.rate()
    yield Row(f"Renewals over HTTP, sandbox at {latency} ms, {size.concurrency} at once")
    beside = [
        (http.rate(), "the same requests and nothing else"),
        (looped.rate(), "a plain loop, one renewal after the other"),
    ]
    if latency:
        bound = size.concurrency / (REQUESTS * latency / 1000)
        beside.insert(0, (bound, f"what {size.concurrency} at once can do in {REQUESTS} x {latency} ms"))
    first = ("  renewals", f"{rate:.0f}/s", noise(rates))
    for other, what in beside:
        yield Row(*first, f"{other:.0f}/s, {what}", f"{rate / other:.2f}")
        first = ("", "", "")


def _without_http(store: Figures) -> Iterator[Row]:
    yield Row("Renewals without HTTP: the engine and the store, providers that answer at once")
    rate = store.rate()
    yield Row("  renewals", f"{rate:.0f}/s", noise(store.rates()))
    yield Row("  changes made durable", f"{CHANGES * rate:.0f}/s", "", f"{CHANGES} for each renewal")
    for what, name in (("renewals opened", "open"), ("letters sent (maildir)", "tell")):
        other = store.rate(name)
        beside = f"{rate:.0f}/s renewed"
        yield Row(f"  {what}", f"{other:.0f}/s", noise(store.rates(name)), beside, f"{other / rate:.2f}")


def _costs(figures: dict[str, Figures]) -> Iterator[Row]:
    ours, http, store, looped = (figures[name] for name in ("renewd 0", "http 0", "store", "loop 0"))
    yield Row("Processor seconds for 1,000 renewals, sandbox at 0 ms")
    whole = middle(ours.cpu())
    beside = (
        (middle(http.cpu()), "the same requests and nothing else"),
        (middle(store.cpu()), "the engine and the store, no HTTP"),
        (middle(looped.cpu()), "the plain loop"),
    )
    for number, (other, what) in enumerate(beside):
        shown = ("  renewing", f"{whole:.2f} s", noise(ours.cpu())) if not number else ("", "", "")
        yield Row(*shown, f"{other:.2f} s, {what}", f"{whole / other:.2f}")
    for what, name in (("opening", "open"), ("writing the letters", "tell")):
        part = store.cpu(name)
        ratio = f"{middle(part) / whole:.2f}"
        yield Row(f"  {what}", f"{middle(part):.2f} s", noise(part), f"{whole:.2f} s, renewing", ratio)
    yield Row("Peak memory")
    yield Row(
        "  renewd",
        f"{ours.rss():.0f} MB",
        "",
        f"{looped.rss():.0f} MB, the plain loop",
        f"{ours.rss() / looped.rss():.2f}",
    )
