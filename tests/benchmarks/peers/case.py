"""One renewal as a task of a queue does it: three commits, and between them a charge and an extension."""

from dataclasses import dataclass

AT_ONCE = 64
ENDS, NEXT = "2026-12-08T00:00:00Z", "2027-01-07T00:00:00Z"

# As lean as a script would have them: less to write than renewd's own.
TABLES = """
CREATE TABLE subscriptions (id text PRIMARY KEY, ends text);
CREATE TABLE attempts (key text PRIMARY KEY, state text, reference text);
CREATE TABLE audit (at timestamptz DEFAULT clock_timestamp(), subscription text, event text);
"""
FILLED = "INSERT INTO subscriptions SELECT 'S-' || lpad(n::text, 7, '0'), %s FROM generate_series(1, %s) AS n"
RENEWED = "SELECT count(*) FROM subscriptions WHERE ends = %s"

Statements = tuple[tuple[str, tuple[str, ...]], ...]
_SENT = "INSERT INTO attempts VALUES (%s, 'sent', '') ON CONFLICT DO NOTHING"  # a second delivery goes on
_DONE = "UPDATE attempts SET state = 'done', reference = %s WHERE key = %s"
_MOVED = "UPDATE subscriptions SET ends = %s WHERE id = %s AND ends = %s"
_LOGGED = "INSERT INTO audit (subscription, event) VALUES (%s, 'renewal.completed')"


@dataclass(frozen=True, slots=True)
class Request:
    """What is posted: a form to the gateway, JSON to the carrier."""

    path: str
    fields: dict[str, str]
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Case:
    """What is committed before, between and after the two requests, and the requests themselves."""

    number: int

    @property
    def _id(self) -> str:
        return f"S-{self.number:07}"

    @property
    def _key(self) -> str:
        return f"{self._id}/{ENDS}"

    def intended(self) -> Statements:
        """Give what is committed before any byte leaves."""
        return ((_SENT, (f"{self._key}/charge",)),)

    def charge(self) -> Request:
        """Give the request to the gateway."""
        form = {
            "amount": "2000",
            "currency": "usd",
            "customer": f"cus_{self.number:07}",
            "payment_method": f"pm_ok_{self.number:07}",
            "payment_method_types[]": "card",
            "off_session": "true",
            "confirm": "true",
        }
        headers = {"Authorization": "Bearer sk_test_bench", "Idempotency-Key": f"{self._key}/charge"}
        return Request("/v1/payment_intents", form, headers)

    def charged(self, payment: str) -> Statements:
        """Give what is committed when it is paid: the outcome, and the intent to extend."""
        return ((_DONE, (payment, f"{self._key}/charge")), (_SENT, (f"{self._key}/extend",)))

    def extension(self) -> Request:
        """Give the request to the carrier."""
        asked = {"expires_at": NEXT, "plan": "plus", "reference": f"{self._key}/extend"}
        path = f"/v1/lines/extend_ok_{self.number:07}/extend"
        return Request(path, asked, {"Authorization": "Bearer bench"})

    def extended(self) -> Statements:
        """Give what is committed at the end: the outcome, the new expiry, the audit row."""
        return (
            (_DONE, ("", f"{self._key}/extend")),
            (_MOVED, (NEXT, self._id, ENDS)),
            (_LOGGED, (self._id,)),
        )
