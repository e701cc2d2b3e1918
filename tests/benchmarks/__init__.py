"""What renewd costs, each figure beside a ceiling or a peer of the same run. Nothing here fails for being slow.

renewals     a renewal from due to extended over HTTP: the ceilings it lives under (jobs), a plain loop (peer)
scans        opening and claiming 1,000 renewals among many; how SQLite carries out the statements of a tick
daemon       from start to ready, and at rest
books        an import, and questions to a long audit log
peers        the renewals of databases made with other tools: a command of its own, `make bench-peers`

measure holds the stopwatch and the table, population makes databases, setting the configuration; alone runs a job
in a process of its own.
"""
