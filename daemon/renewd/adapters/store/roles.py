"""Who may do what on a PostgreSQL: one owns the tables, the daemon works with them, others read."""

from renewd.adapters.store.tables import APPEND_ONLY, metadata

_TEXT = """\
-- Roles for renewd on PostgreSQL. Run it as a superuser in renewd's own database, once the tables are there
-- (`renewd db migrate`), and again after an upgrade. Running it again changes nothing.
--
--   {owner}    owns the tables: for `renewd db migrate` and `renewd archive`, not for the daemon
--   {app}          the daemon's: it cannot change or delete a row of the audit log, nor lift what forbids that
--   {reader}   only reads: list, show, log, status, audit verify
--
-- They cannot log in until you say how, e.g. ALTER ROLE {app} LOGIN PASSWORD '...', or by a role of yours that is
-- a member: GRANT {app} TO ...
"""
_ROLE = """\
DO $$ BEGIN CREATE ROLE {role} NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
"""
OWNER, APP, READER = "renewd_owner", "renewd", "renewd_reader"


def roles() -> str:
    """Give the SQL that makes the roles and gives them their rights."""
    tables = [table.name for table in metadata.sorted_tables]
    forever = [table.name for table in APPEND_ONLY]
    changing = [name for name in tables if name not in forever]
    owned = [*tables, "alembic_version"]
    lines = [
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC;",
        f"GRANT USAGE, CREATE ON SCHEMA public TO {OWNER};",
        f"GRANT USAGE ON SCHEMA public TO {APP}, {READER};",
        *(f"ALTER TABLE {name} OWNER TO {OWNER};" for name in owned),
        *(
            f"ALTER FUNCTION {name}() OWNER TO {OWNER};"
            for name in ("audit_log_horizon", "audit_log_append_only")
        ),
        f"REVOKE ALL ON {', '.join(owned)} FROM {APP}, {READER};",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join(changing)} TO {APP};",
        f"GRANT SELECT, INSERT ON {', '.join(forever)} TO {APP};",
        f"GRANT USAGE ON SEQUENCE audit_log_sequence_seq TO {APP};",
        "REVOKE EXECUTE ON FUNCTION audit_log_horizon() FROM PUBLIC;",
        f"GRANT EXECUTE ON FUNCTION audit_log_horizon() TO {APP};",
        f"GRANT SELECT ON alembic_version TO {APP};",
        f"GRANT SELECT ON {', '.join(owned)} TO {READER};",
    ]
    made = "".join(_ROLE.format(role=role) for role in (OWNER, APP, READER))
    return _TEXT.format(owner=OWNER, app=APP, reader=READER) + "\n" + made + "\n" + "\n".join(lines) + "\n"
