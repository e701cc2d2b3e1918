"""How Alembic reaches the database: on the connection that it is handed, inside one transaction."""

from alembic import context

from renewd.adapters.store.indexes import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=True
)
context.run_migrations()
