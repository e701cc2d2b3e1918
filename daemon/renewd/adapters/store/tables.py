"""The tables. Their indexes stand in `indexes`: no statement needs to know them, and they take long to import."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    literal_column,
)

from renewd.adapters.store.instant import Instant


def _text(name: str, **options: Any) -> Column[str]:
    return Column(name, Text, nullable=False, **options)


def _instant(name: str, *, nullable: bool = False) -> Column[datetime]:
    return Column(name, Instant, nullable=nullable)


metadata = MetaData()

customers = Table(
    "customers",
    metadata,
    Column("id", String, primary_key=True),
    _text("name"),
    _text("email"),
    _text("gateway_customer"),
)

payment_methods = Table(
    "payment_methods",
    metadata,
    Column("id", String, primary_key=True),
    _text("customer_id"),
    _text("token"),
    _text("kind"),
    _text("label"),
    _text("expires"),
    Column("rank", Integer, nullable=False),
    Column("blocked", Boolean, nullable=False),
)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("id", String, primary_key=True),
    _text("customer_id"),
    _text("plan"),
    _text("line"),
    _text("zone"),
    _text("state"),
    _instant("current_period_end"),
    _instant("anchor"),
    Column("tags", JSON, nullable=False),
    Column("overrides", JSON, nullable=False),
    _instant("opens_at", nullable=True),
)

renewals = Table(
    "renewals",
    metadata,
    Column("id", String, primary_key=True),
    _text("subscription_id"),
    _instant("period_start"),
    _instant("period_end"),
    _instant("opened_at"),
    _instant("due_at"),
    _instant("next_at", nullable=True),
    _text("stage"),
    _text("hold"),
    _text("reason"),
    Column("charges", Integer, nullable=False),
    Column("extends", Integer, nullable=False),
    Column("ladder_step", Integer, nullable=False),
    Column("spent", JSON, nullable=False),
    _text("sold_plan"),
    Column("paid_minor", BigInteger),
    Column("paid_currency", String(3)),
    Column("check_first", Boolean, nullable=False),
    _instant("closed_at", nullable=True),
    Column("version", Integer, nullable=False),
    Column("lease_owner", Text, nullable=False, server_default=""),
    Column("lease_epoch", Integer, nullable=False, server_default="0"),
    _instant("lease_until", nullable=True),
)

# What `hold <> ''` is to `renewals_held`, this is to the statements that ask for it.
IS_HELD = renewals.c.hold != literal_column("''")

attempts = Table(
    "attempts",
    metadata,
    Column("key", String, primary_key=True),
    _text("renewal_id"),
    _text("leg"),
    Column("number", Integer, nullable=False),
    _text("provider"),
    _text("subscription_id"),
    _instant("period_start"),
    _text("policy_digest"),
    _instant("sent_at"),
    _instant("begun_at"),
    _text("state"),
    Column("sends", Integer, nullable=False),
    Column("lookups", Integer, nullable=False),
    Column("absences", Integer, nullable=False),
    Column("amount_minor", BigInteger),
    Column("amount_currency", String(3)),
    _text("method_id"),
    _text("method_token"),
    _text("method_kind"),
    _text("gateway_customer"),
    _text("line"),
    _text("plan"),
    _instant("extend_to", nullable=True),
    _text("outcome"),
    _text("code"),
    _text("reference"),
    _instant("closed_at", nullable=True),
    CheckConstraint("amount_minor IS NULL OR amount_minor > 0", name="attempts_amount_is_positive"),
)

# A partial index serves only a statement in which its condition stands as it is, not as a parameter.
IS_CHARGE = attempts.c.leg == literal_column("'charge'")

audit_log = Table(
    "audit_log",
    metadata,
    Column("sequence", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    _instant("at"),
    # In this order a server finds the beginning of a name in an index.
    Column("name", Text().with_variant(Text(collation="C"), "postgresql"), nullable=False),
    _text("actor"),
    _text("subscription"),
    _text("renewal"),
    _text("leg"),
    _text("provider"),
    Column("attempt", Integer),
    _text("method"),
    Column("amount_minor", BigInteger),
    Column("amount_currency", String(3)),
    _text("key"),
    _text("outcome"),
    _text("decline_class"),
    _text("code"),
    _text("reference"),
    _text("next_action"),
    _instant("next_at", nullable=True),
    _text("policy_digest"),
    Column("duration_ms", Integer),
    _text("detail"),
    sqlite_autoincrement=True,
)

# The seal over the audit log, see `renewd.seal`: the hash of each row, and the checkpoints over all of them.
audit_leaves = Table(
    "audit_leaves",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
)
audit_checkpoints = Table(
    "audit_checkpoints",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("last", BigInteger, nullable=False),
    _instant("at"),
    _text("note"),
    Column("edge", LargeBinary, nullable=False),
)
APPEND_ONLY = (audit_log, audit_leaves, audit_checkpoints)

notices = Table(
    "notices",
    metadata,
    Column("id", String, primary_key=True),
    _text("kind"),
    _text("subscription_id"),
    _text("recipient"),
    _text("subject"),
    _text("body"),
    _instant("created_at"),
    _instant("next_at", nullable=True),
    Column("tries", Integer, nullable=False),
)

daemons = Table(
    "daemons",
    metadata,
    Column("name", String, primary_key=True),
    _instant("started_at"),
    _instant("seen_at"),
)

# What the brake counts where daemons share a database: the charges begun in each minute, by whomever.
charge_counts = Table(
    "charge_counts",
    metadata,
    Column("minute", Instant, primary_key=True),
    Column("begun", Integer, nullable=False),
)

MOVED_TO = "moved_to"  # the key under which a database says that it is not in use any more

service_state = Table("service_state", metadata, Column("key", String, primary_key=True), _text("value"))
