"""An embedded payment gateway and a carrier, served over real HTTP on loopback.

The gateway speaks Stripe's v1 wire format and keeps Stripe's idempotency rules; the carrier speaks a small
contract of our own. What either does is chosen by the name of the payment method or of the line, so a test or a
demonstration asks for a fault by naming it: `BEHAVIOURS` and `LINES` are the tables.

Nothing here imports another room of renewd. Its ledger is its own, outlives the process, and is the judge of what
was really charged:

    connection, wire     HTTP/1.1 on asyncio: bytes to requests, answers to bytes
    server               routes, start and stop
    gateway, forms, intents, declines, views    POST and GET /v1/payment_intents
    carrier, lines       /v1/lines
    inspection           /sandbox/...: the clock, the requests seen, the sums
    ledger, journal      what is known, and the file it is rebuilt from
    process              the same, as a process of its own
"""

from renewd.sandbox.behaviours import BEHAVIOURS, LINES, describe
from renewd.sandbox.process import SandboxProcess, running
from renewd.sandbox.server import Sandbox, serve

__all__ = ["BEHAVIOURS", "LINES", "Sandbox", "SandboxProcess", "describe", "running", "serve"]
