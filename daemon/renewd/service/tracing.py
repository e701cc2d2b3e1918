"""What is told of the work as spans: what a line of the log may say, and no more."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext

from renewd.renewal.model import Attempt, Case
from renewd.renewal.notice import Notice
from renewd.renewal.outcome import Finding, Outcome, Unknown, Unreached, name_of
from renewd.renewal.step import Call, Settle
from renewd.service.redaction import Redaction
from renewd.watching import Kind, Tracer

# The fields of an answer, by their names in the log.
_OF_ANSWERS = {"code": "code", "reference": "reference", "decline_class": "decline_class", "reason": "detail"}
_UNTOLD = nullcontext()


class Tracing:
    """Tells a tracer what `redact` lets pass. Without one it costs nothing."""

    def __init__(self, tracer: Tracer | None = None, redact: Redaction | None = None) -> None:
        self._tracer, self._redact = tracer, redact or Redaction()

    def span(
        self, name: str, kind: Kind = Kind.WORK, about: Case | Attempt | Notice | None = None
    ) -> AbstractContextManager[None]:
        """Keep a span for as long as this lasts."""
        return self._kept(self._tracer, name, kind, about) if self._tracer else _UNTOLD

    def call(self, attempt: Attempt, step: Call) -> AbstractContextManager[None]:
        """Keep the span of a call to a provider."""
        return self.span(
            f"{attempt.leg}.lookup" if isinstance(step, Settle) else attempt.leg, Kind.CALL, attempt
        )

    def answered(self, answer: Finding | Outcome) -> None:
        """Say of the span that is open here what a provider answered."""
        if not self._tracer:
            return
        facts = {told: getattr(answer, name, "") for name, told in _OF_ANSWERS.items()}
        self._tracer.note(self._shown({"outcome": name_of(answer), **facts}))
        if isinstance(answer, Unreached | Unknown):
            self._tracer.failed(name_of(answer))

    def failed(self, how: str) -> None:
        """Say that what the span that is open here stands for has failed, in a word that others share."""
        if self._tracer:
            self._tracer.failed(how)

    @property
    def around(self) -> Callable[[], Mapping[str, str]] | None:
        """What gives the fields that lead from a line of the log to the span that is open where it is written."""
        return self._tracer.ids if self._tracer else None

    def close(self) -> None:
        """Send what is left, in a few seconds or not at all."""
        if self._tracer:
            self._tracer.close()

    @contextmanager
    def _kept(
        self, tracer: Tracer, name: str, kind: Kind, about: Case | Attempt | Notice | None
    ) -> Iterator[None]:
        with tracer.span(name, kind, self._shown(_facts(about))):
            try:
                yield
            except BaseException as error:
                tracer.failed(type(error).__name__)  # its text may quote anything; the log has it, redacted
                raise

    def _shown(self, facts: Mapping[str, object]) -> Mapping[str, object]:
        return self._redact(
            None, "", {name: value for name, value in facts.items() if value not in ("", None)}
        )


OFF = Tracing()


def _facts(about: Case | Attempt | Notice | None) -> dict[str, object]:
    """Tell by which renewal, call or letter a span is found; of a letter neither what it says nor to whom it goes."""
    match about:
        case Case(renewal):
            return {"subscription": renewal.subscription_id, "renewal": renewal.id}
        case Attempt():
            return {
                "subscription": about.subscription_id,
                "renewal": about.renewal_id,
                "leg": about.leg,
                "provider": about.provider,
                "attempt": about.number,
                "amount": about.amount,
                "key": about.key,
            }
        case Notice():
            return {"subscription": about.subscription_id, "code": about.kind, "reference": about.id}
        case None:
            return {}
