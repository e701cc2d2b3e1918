"""`python -m renewd.sandbox`: the sandbox as a process of its own."""

import argparse
import asyncio
from pathlib import Path

from renewd.sandbox.behaviours import describe
from renewd.sandbox.server import serve


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(
        prog="python -m renewd.sandbox",
        description="A payment gateway and a carrier for tests and demonstrations, on 127.0.0.1.",
        epilog=describe(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port")
    parser.add_argument("--ledger", type=Path, help="a JSON-lines file; without it the ledger is forgotten")
    parser.add_argument("--latency-ms", type=int, default=0, help="how long each answer takes")
    chosen = parser.parse_args()
    asyncio.run(serve(chosen.port, chosen.ledger, chosen.latency_ms))


if __name__ == "__main__":
    main()
