"""The first tables, and the triggers that make the audit log append-only."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from renewd.adapters.store.instant import Instant

revision = "0001"
down_revision = None

APPEND_ONLY = {
    "sqlite": """
CREATE TRIGGER audit_log_no_{verb} BEFORE {verb} ON audit_log
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END
""",
    "postgresql": """
CREATE TRIGGER audit_log_no_{verb} BEFORE {verb} ON audit_log
FOR EACH STATEMENT EXECUTE FUNCTION audit_log_append_only()
""",
}
REFUSAL = """
CREATE FUNCTION audit_log_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE integrity_constraint_violation USING MESSAGE = 'the audit log is append-only'; END $$
"""


def _only(condition: str) -> dict[str, Any]:
    """Have an index hold only the rows of which this is true."""
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    """Make the tables."""
    _customers()
    _payment_methods()
    _service_state()
    _fleet()
    _subscriptions()
    _attempts()
    _attempts_indexes()
    _renewals()
    _audit_log()
    _notices()
    _append_only(op.get_bind().dialect.name)


def _append_only(dialect: str) -> None:
    verbs = ["UPDATE", "DELETE"]
    if dialect == "postgresql":
        op.execute(REFUSAL)
        verbs.append("TRUNCATE")
    for verb in verbs:
        op.execute(APPEND_ONLY[dialect].format(verb=verb))


def _customers() -> None:
    op.create_table(
        "customers",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("gateway_customer", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )


def _payment_methods() -> None:
    op.create_table(
        "payment_methods",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("expires", sa.Text(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("blocked", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("payment_methods_of_customer", "payment_methods", ["customer_id"], unique=False)


def _service_state() -> None:
    op.create_table(
        "service_state",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )


def _fleet() -> None:
    op.create_table(
        "daemons",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("started_at", Instant(timezone=True), nullable=False),
        sa.Column("seen_at", Instant(timezone=True), nullable=False),
    )
    op.create_table(
        "charge_counts",
        sa.Column("minute", Instant(timezone=True), primary_key=True),
        sa.Column("begun", sa.Integer(), nullable=False),
    )


def _subscriptions() -> None:
    op.create_table(
        "subscriptions",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("current_period_end", Instant(timezone=True), nullable=False),
        sa.Column("anchor", Instant(timezone=True), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("overrides", sa.JSON(), nullable=False),
        sa.Column("opens_at", Instant(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "subscriptions_newly_due",
        "subscriptions",
        ["opens_at"],
        unique=False,
        **_only("opens_at IS NOT NULL"),
    )
    op.create_index("subscriptions_of_customer", "subscriptions", ["customer_id"], unique=False)


def _attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("renewal_id", sa.Text(), nullable=False),
        sa.Column("leg", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("subscription_id", sa.Text(), nullable=False),
        sa.Column("period_start", Instant(timezone=True), nullable=False),
        sa.Column("policy_digest", sa.Text(), nullable=False),
        sa.Column("sent_at", Instant(timezone=True), nullable=False),
        sa.Column("begun_at", Instant(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("sends", sa.Integer(), nullable=False),
        sa.Column("lookups", sa.Integer(), nullable=False),
        sa.Column("absences", sa.Integer(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("amount_currency", sa.String(length=3), nullable=True),
        sa.Column("method_id", sa.Text(), nullable=False),
        sa.Column("method_token", sa.Text(), nullable=False),
        sa.Column("method_kind", sa.Text(), nullable=False),
        sa.Column("gateway_customer", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("extend_to", Instant(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("closed_at", Instant(timezone=True), nullable=True),
        sa.CheckConstraint("amount_minor IS NULL OR amount_minor > 0", name="attempts_amount_is_positive"),
        sa.PrimaryKeyConstraint("key"),
    )


def _attempts_indexes() -> None:
    op.create_index("attempts_charges_sent", "attempts", ["sent_at"], unique=False, **_only("leg = 'charge'"))
    op.create_index(
        "attempts_of_method", "attempts", ["method_id", "closed_at"], unique=False, **_only("leg = 'charge'")
    )
    op.create_index("attempts_of_renewal", "attempts", ["renewal_id"], unique=False)
    op.create_index(
        "attempts_one_open", "attempts", ["renewal_id", "leg"], unique=True, **_only("closed_at IS NULL")
    )
    op.create_index(
        "attempts_one_paid",
        "attempts",
        ["renewal_id"],
        unique=True,
        **_only("leg = 'charge' AND state = 'done'"),
    )


def _renewals() -> None:
    op.create_table(
        "renewals",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("subscription_id", sa.Text(), nullable=False),
        sa.Column("period_start", Instant(timezone=True), nullable=False),
        sa.Column("period_end", Instant(timezone=True), nullable=False),
        sa.Column("opened_at", Instant(timezone=True), nullable=False),
        sa.Column("due_at", Instant(timezone=True), nullable=False),
        sa.Column("next_at", Instant(timezone=True), nullable=True),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("hold", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("charges", sa.Integer(), nullable=False),
        sa.Column("extends", sa.Integer(), nullable=False),
        sa.Column("ladder_step", sa.Integer(), nullable=False),
        sa.Column("spent", sa.JSON(), nullable=False),
        sa.Column("sold_plan", sa.Text(), nullable=False),
        sa.Column("paid_minor", sa.BigInteger(), nullable=True),
        sa.Column("paid_currency", sa.String(length=3), nullable=True),
        sa.Column("check_first", sa.Boolean(), nullable=False),
        sa.Column("closed_at", Instant(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("lease_owner", sa.Text(), server_default="", nullable=False),
        sa.Column("lease_epoch", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lease_until", Instant(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("renewals_by_stage", "renewals", ["stage", "closed_at"], unique=False)
    op.create_index("renewals_held", "renewals", ["hold"], unique=False, **_only("hold <> ''"))
    op.create_index(
        "renewals_due", "renewals", ["next_at", "due_at"], unique=False, **_only("next_at IS NOT NULL")
    )
    op.create_index("renewals_one_per_period", "renewals", ["subscription_id", "period_start"], unique=True)


def _audit_log() -> None:
    op.create_table(
        "audit_log",
        sa.Column(
            "sequence",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("at", Instant(timezone=True), nullable=False),
        sa.Column("name", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("subscription", sa.Text(), nullable=False),
        sa.Column("renewal", sa.Text(), nullable=False),
        sa.Column("leg", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=True),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("amount_currency", sa.String(length=3), nullable=True),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("decline_class", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("next_action", sa.Text(), nullable=False),
        sa.Column("next_at", Instant(timezone=True), nullable=True),
        sa.Column("policy_digest", sa.Text(), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sequence"),
        sqlite_autoincrement=True,
    )
    op.create_index("audit_log_by_name", "audit_log", ["name", "sequence"], unique=False)
    op.create_index("audit_log_by_subscription", "audit_log", ["subscription", "sequence"], unique=False)
    op.create_index("audit_log_by_time", "audit_log", ["at"], unique=False)


def _notices() -> None:
    op.create_table(
        "notices",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subscription_id", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(timezone=True), nullable=False),
        sa.Column("next_at", Instant(timezone=True), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("notices_owed", "notices", ["next_at"], unique=False, **_only("next_at IS NOT NULL"))
