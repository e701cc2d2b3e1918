"""The configuration of a benchmark: one gateway, one carrier, nothing that holds a renewal back."""

from pathlib import Path

from renewd.service.wiring import Configuration, load_configuration

PLAN = "plus"
NOBODY = "http://127.0.0.1:9"  # the discard port: for benchmarks that call nobody
HOLDS_NOTHING = 100_000_000

_SETTINGS = """\
version: 1
database: {database}
operator_email: operator@example.com
schedule: {{scan_every: {scan_every}, concurrency: {concurrency}}}
gateways:
  stripe: {{kind: stripe, api_base: "{url}", api_key: sk_test_bench, max_concurrent: {concurrency}}}
carriers:
  tello: {{kind: http, api_base: "{url}", token: bench, max_concurrent: {concurrency}}}
messengers:
  email: {{kind: maildir, path: mail, sender: Example Mobile <renewals@example.com>}}
"""
_POLICY = f"""\
version: 1
defaults: {{charge_window: 00:00-23:59}}
plans:
  {PLAN}: {{title: Plus, carrier: tello, price: 20.00 USD, period: 30d}}
brake: {{max_charges_per_hour: {HOLDS_NOTHING}, max_amount: 500.00 USD}}
"""


def configured(
    database: Path, url: str = NOBODY, *, server: str = "", concurrency: int = 64, scan_every: str = "1h"
) -> Configuration:
    """Write a configuration beside the database, or for the one at the URL `server`, and load it."""
    path = settings_of(database)
    path.write_text(
        _SETTINGS.format(
            database=server or f"sqlite:///{database.absolute()}",
            url=url,
            concurrency=concurrency,
            scan_every=scan_every,
        )
    )
    (database.parent / "policy.yaml").write_text(_POLICY)
    return load_configuration(path)


def settings_of(database: Path) -> Path:
    """Give where `configured` writes the settings for this database."""
    return database.parent / "renewd.yaml"
