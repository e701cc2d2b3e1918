"""All the sandbox knows, folded from its journal: a record is written first, then believed."""

from pathlib import Path
from typing import Any, NamedTuple

from renewd.sandbox.clock import SandboxClock, to_text
from renewd.sandbox.intents import Intent, Order, Payments
from renewd.sandbox.journal import Journal
from renewd.sandbox.lines import Extension, Lines
from renewd.sandbox.wire import Answer, Manner, Request


class Seen(NamedTuple):
    """One POST that reached a provider.

    `status` is the HTTP status, or `reset` or `hang` where no answer left. `charged` says that this very request
    took money, or set taking it in motion.
    """

    seq: int
    at: str
    method: str
    path: str
    key: str | None
    status: int | str
    replayed: bool
    charged: bool


class Ledger:
    """Requests, payments and lines.

    Args:
        path: the journal; None keeps everything in memory only.
        clock: dates the requests.

    Raises:
        ValueError: the journal is damaged.
        BlockingIOError: another sandbox has it open.
    """

    def __init__(self, path: Path | None, clock: SandboxClock) -> None:
        self.requests: list[Seen] = []
        self.payments = Payments()
        self.lines = Lines()
        self._turned_away: set[str] = set()
        self._clock = clock
        self._journal = Journal(path)
        try:
            for record in self._journal.records():
                self._restore(record)
        except ValueError:
            self.close()
            raise

    def close(self) -> None:
        """Let the journal go."""
        self._journal.close()

    def turned_away(self, key: str | None) -> bool:
        """Whether a request with this key was already turned away before the idempotency layer."""
        return key is not None and key in self._turned_away

    def note(self, request: Request, key: str | None, answer: Answer, *, replayed: bool = False) -> None:
        """Enter a request that changed nothing."""
        seen = self._seen(request, key, answer, replayed=replayed)
        self._journal.append({"seen": seen._asdict()})
        self._believe(seen)

    def note_intent(
        self, request: Request, key: str | None, answer: Answer, intent: Intent, digest: str
    ) -> None:
        """Enter a request together with the PaymentIntent it made."""
        seen = self._seen(request, key, answer, charged=intent.decline is None)
        made = {**intent._asdict(), "order": intent.order._asdict()}
        self._journal.append({"seen": seen._asdict(), "intent": made, "digest": digest})
        self._believe(seen, intent=intent, digest=digest)

    def note_extension(self, request: Request, answer: Answer, extension: Extension) -> None:
        """Enter a request together with the extension it made."""
        seen = self._seen(request, extension.reference, answer)
        self._journal.append({"seen": seen._asdict(), "extension": extension._asdict()})
        self._believe(seen, extension=extension)

    def note_line(self, line: str) -> None:
        """Enter a line at first sight."""
        if line not in self.lines:
            self._journal.append({"line": line})
            self.lines.add(line)

    def _seen(
        self,
        request: Request,
        key: str | None,
        answer: Answer,
        *,
        replayed: bool = False,
        charged: bool = False,
    ) -> Seen:
        silent = answer.manner in {Manner.RESET, Manner.HANG}
        return Seen(
            seq=len(self.requests) + 1,
            at=to_text(self._clock.now()),
            method=request.method,
            path=request.path,
            key=key,
            status=answer.manner.value if silent else answer.status,
            replayed=replayed,
            charged=charged,
        )

    def _believe(
        self, seen: Seen, intent: Intent | None = None, digest: str = "", extension: Extension | None = None
    ) -> None:
        self.requests.append(seen)
        if intent is not None:
            self.payments.add(intent, seen.key, digest)
        elif extension is not None:
            self.lines.extend(extension)
        elif seen.key is not None and seen.status in {429, "reset"}:
            self._turned_away.add(seen.key)

    def _restore(self, record: dict[str, Any]) -> None:
        if "line" in record:
            self.lines.add(record["line"])
            return
        intent, extension = record.get("intent"), record.get("extension")
        self._believe(
            Seen(**record["seen"]),
            Intent(**{**intent, "order": Order(**intent["order"])}) if intent else None,
            record.get("digest", ""),
            Extension(**extension) if extension else None,
        )
