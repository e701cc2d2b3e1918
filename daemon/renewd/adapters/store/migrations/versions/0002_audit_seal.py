"""The seal over the audit log: the hash of each row, and checkpoints, as append-only as the log itself."""

import sqlalchemy as sa
from alembic import op

from renewd.adapters.store.instant import Instant

revision = "0002"
down_revision = "0001"

APPEND_ONLY = {
    "sqlite": """
CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table}
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END
""",
    "postgresql": """
CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION audit_log_append_only()
""",
}
# Rows become visible out of order; once nobody is writing, all that there are will stay, and none comes between them.
# It runs with the rights of its owner: the lock is not to be had with those to read and to append. Others wait for as
# long as it waits itself, so not for long.
HORIZON = """
CREATE FUNCTION audit_log_horizon() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
SET search_path = {schema}, pg_temp SET lock_timeout = '1s' AS $$
BEGIN LOCK TABLE audit_log IN SHARE MODE; RETURN (SELECT max(sequence) FROM audit_log); END $$
"""


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "audit_leaves",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sequence"),
    )
    op.create_table(
        "audit_checkpoints",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("at", Instant(timezone=True), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("edge", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("size"),
    )
    op.create_index("audit_checkpoints_by_last", "audit_checkpoints", ["last"], unique=False)
    _append_only(op.get_bind().dialect)


def _append_only(dialect: sa.Dialect) -> None:
    verbs = ["UPDATE", "DELETE"]
    if dialect.name == "postgresql":
        schema = op.get_bind().execute(sa.select(sa.func.current_schema())).scalar_one()
        op.execute(HORIZON.format(schema=dialect.identifier_preparer.quote(schema)))
        verbs.append("TRUNCATE")
    for table in ("audit_leaves", "audit_checkpoints"):
        for verb in verbs:
            op.execute(APPEND_ONLY[dialect.name].format(table=table, verb=verb))
