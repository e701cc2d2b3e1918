"""The sample that is shipped: where it lies, and its subscriptions as they would be had it begun on another day."""

import csv
import io
import re
from datetime import UTC, datetime
from pathlib import Path

import renewd

START = datetime(2026, 12, 1, tzinfo=UTC)
_CARD_EXPIRES = re.compile(r"(?<=\|)(\d{4})-(\d\d)(?=;|$)")


def shipped(folder: str = "config") -> Path:
    """Give a folder that comes with renewd, `config` or `systemd`: inside an installed one, or beside it in a checkout."""
    package = Path(renewd.__file__).parent
    installed = package / f"_{folder}"
    return installed if installed.is_dir() else package.parents[1] / folder


def subscriptions_from(day: datetime) -> str:
    """Give the sample subscriptions, as CSV, with every date as far from `day` as it is from START."""
    months = (day.year - START.year) * 12 + day.month - START.month

    def later(month: re.Match[str]) -> str:
        year, rest = divmod(int(month[1]) * 12 + int(month[2]) - 1 + months, 12)
        return f"{year}-{rest + 1:02}"

    with (shipped() / "sample" / "subscriptions.csv").open(encoding="utf-8", newline="") as file:
        rows, written = csv.DictReader(file), io.StringIO()
        writer = csv.DictWriter(written, rows.fieldnames or (), lineterminator="\n")
        writer.writeheader()
        for row in rows:
            for name in ("current_period_end", "anchor"):
                moved = datetime.fromisoformat(row[name]) + (day - START) if row[name] else None
                row[name] = moved.isoformat() if moved else ""
            row["payment_methods"] = _CARD_EXPIRES.sub(later, row["payment_methods"])
            writer.writerow(row)
    return written.getvalue()
