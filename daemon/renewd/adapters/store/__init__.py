"""The durable state: SQLAlchemy Core on SQLite, one writer, commits shared by whoever waits for one."""
