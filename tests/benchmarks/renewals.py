"""Renewals a second over HTTP, beside the ceilings they live under and the loop they replace."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from renewd.sandbox.process import SandboxProcess
from tests.benchmarks import jobs, peer
from tests.benchmarks.measure import Row, middle, noise
from tests.benchmarks.work import Figures, Work, measured

LATENCIES = (0, 50)  # milliseconds
REQUESTS = 2  # of one renewal, one after the other
CHANGES = 3  # of one renewal: before its charge, between its two legs, after its extension


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured, and how often."""

    renewals: int = 3000
    concurrency: int = 64
    repeat: int = 3


def renewals(size: Size) -> Iterator[Row]:
    """Measure everything."""
    figures = measured(_works(size), size.repeat)
    for latency in LATENCIES:
        yield from _at_latency(figures, latency, size)
    yield from _without_http(figures["store"])
    yield from _costs(figures)


def _works(size: Size) -> dict[str, Work]:
    at_once = {"concurrency": size.concurrency}
    works = {"store": Work(jobs.renew, size.renewals, options=at_once)}
    for latency in LATENCIES:
        sandbox = partial(SandboxProcess, latency_ms=latency)
        works[f"renewd {latency}"] = Work(jobs.renew, size.renewals, sandbox, options=at_once)
        works[f"http {latency}"] = Work(jobs.request, size.renewals, sandbox, options=at_once)
        # A loop needs no long run to show its pace.
        works[f"loop {latency}"] = Work(peer.loop, size.renewals // (60 if latency else 5) + 1, sandbox)
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
