"""Questions to the audit log, each answered from an index however long the log is."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, false, func, or_, select, union_all

from renewd.adapters.store.reading import rows_of
from renewd.adapters.store.rows import Row
from renewd.adapters.store.tables import audit_log
from renewd.renewal.query import LogQuery

PAGE = 1000
NARROW = 100_000  # rows: in a time that holds more of them than this, it takes too long to find the first and the last

_numbers = audit_log.c.sequence


def latest(connection: Connection, query: LogQuery) -> Sequence[Row]:
    """Give the last rows that are asked for, as many as it says, in the order of the log."""
    wanted, names = _wanted(connection, query), _names(connection, query)
    if names is not None and not query.subscription and len(names) > 1:
        # By its index each name's rows are in order; those of several would have to be sorted, all that there are.
        each = (
            wanted.where(audit_log.c.name == name).order_by(_numbers.desc()).limit(query.last)
            for name in names
        )
        found = select(union_all(*(select(some.subquery()) for some in each)).subquery())
    else:
        found = wanted.where(*_named(names))
    columns = found.selected_columns
    # What comes before an instant begins in the middle of the log: the times lead there, the numbers do not.
    by_time = query.until and not query.subscription and names is None
    order = [columns["at"].desc()] if by_time else []
    rows = rows_of(connection, found.order_by(*order, columns["sequence"].desc()).limit(query.last))
    return sorted(rows, key=itemgetter("sequence"))


def pages(connection: Connection, query: LogQuery) -> Iterator[Sequence[Row]]:
    """Give the rows that are asked for, in the order of the log, a page at a time; between them nothing is kept from others."""
    with connection.begin():
        wanted, names = _wanted(connection, query), _names(connection, query)
    named = wanted.where(*_named(names))
    while True:
        with connection.begin():
            rows = rows_of(connection, named.where(*_new(query)).order_by(_numbers).limit(PAGE))
        yield rows
        if len(rows) < PAGE:
            return
        last = rows[-1]["sequence"]
        left = [number for number in query.missing if number > last]
        query = replace(query, after=max(query.after, last), missing=left)


def numbers(connection: Connection, query: LogQuery) -> Sequence[int]:
    """Give the numbers of the rows that are new, the latest first, whatever else is asked."""
    found = select(_numbers).where(*_new(query)).order_by(_numbers.desc()).limit(query.last)
    return connection.execute(found).scalars().all()


def _new(query: LogQuery) -> list[ColumnElement[bool]]:
    """Say which numbers are asked for; nothing when it is all."""
    later = _numbers > query.after
    if query.missing:
        return [or_(later, _numbers.in_(list(query.missing)))]
    # SQLite would look for each further page from the first row on; and for the first one pass over a better index.
    return [later] if query.after else []


def _wanted(connection: Connection, query: LogQuery) -> Select[Any]:
    """Ask for all but the name."""
    wanted = select(audit_log).where(*_within(query))
    if query.subscription:
        wanted = wanted.where(audit_log.c.subscription == query.subscription)
    if not query.after and (query.subscription or query.event):
        wanted = wanted.where(*_bounds(connection, query))
    return wanted


def _within(query: LogQuery) -> list[ColumnElement[bool]]:
    since = [audit_log.c.at >= query.since] if query.since else []
    return since + ([audit_log.c.at < query.until] if query.until else [])


def _bounds(connection: Connection, query: LogQuery) -> list[ColumnElement[bool]]:
    """Say between which numbers the rows of a time are, if that is quickly found: other indexes are in their order."""
    within = _within(query)
    if not within:
        return []
    some = select(_numbers).where(*within).limit(NARROW + 1).subquery()
    ends = select(func.count(), func.min(some.c.sequence), func.max(some.c.sequence)).select_from(some)
    count, first, last = connection.execute(ends).one()
    if count > NARROW:
        return []
    return [_numbers.between(first, last)] if count else [false()]


def _named(names: list[str] | None) -> list[ColumnElement[bool]]:
    if names is None:
        return []
    # To SQLite a list of one is less of a reason to use the index.
    return [audit_log.c.name == names[0]] if len(names) == 1 else [audit_log.c.name.in_(names)]


def _names(connection: Connection, query: LogQuery) -> list[str] | None:
    """Give the names of the log that match; None when all do. There are few of them, and each is one step in the index."""
    if not query.event:
        return None
    if not set("*?[") & set(query.event):
        return [query.event]
    known = select(func.min(audit_log.c.name).label("name")).cte("names", recursive=True)
    following = select(func.min(audit_log.c.name)).where(audit_log.c.name > known.c.name).scalar_subquery()
    every = known.union_all(select(following).where(known.c.name.is_not(None)))
    names = connection.execute(select(every.c.name).where(every.c.name.is_not(None))).scalars()
    return [name for name in names if fnmatchcase(str(name), query.event)]
