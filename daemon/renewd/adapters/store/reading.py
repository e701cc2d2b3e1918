"""Reading rows so that one that cannot be read stops none of the others."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Select
from sqlalchemy.exc import SQLAlchemyError

from renewd.adapters.store.rows import Row
from renewd.adapters.store.statements import Question, Rows, ask_together
from renewd.renewal.model import UnreadableError

T = TypeVar("T")


def apart(
    ids: Sequence[str], read: Callable[[Sequence[str]], Sequence[T]]
) -> tuple[list[T], dict[str, Exception]]:
    """Read what these ids stand for, and give what is wrong with each that cannot be read.

    Where reading all at once fails, ever smaller parts are read, until what cannot be read stands alone.
    """
    try:
        return list(read(ids)), {}
    except SQLAlchemyError:
        raise
    except Exception as error:  # noqa: BLE001 whatever is wrong with a row, the others are read
        if len(ids) <= 1:
            return [], dict.fromkeys(ids, error)
    middle = len(ids) // 2
    (some, wrong), (others, also_wrong) = apart(ids[:middle], read), apart(ids[middle:], read)
    return some + others, wrong | also_wrong


def rows_of(connection: Connection, query: Select[Any]) -> Sequence[Row]:
    """Give the rows of a query. Raises UnreadableError when there is something in a column that its type cannot be."""
    try:
        return connection.execute(query).mappings().all()
    except ValueError as error:
        raise UnreadableError(_culprit(connection, [query]), error) from error


def answers(connection: Connection, questions: Sequence[Question]) -> Sequence[Rows]:
    """Give the rows of each question, asked together. Raises UnreadableError, as `rows_of`."""
    try:
        return ask_together(connection, questions)
    except ValueError as error:
        selects = [query.params(**values) for query, values in questions if isinstance(query, Select)]
        raise UnreadableError(_culprit(connection, selects), error) from error


def _culprit(connection: Connection, queries: Sequence[Select[Any]]) -> str:
    singly = (
        (each.with_only_columns(column), column) for each in queries for column in each.selected_columns
    )
    for query, column in singly:
        try:
            connection.execute(query).all()
        except ValueError:
            return str(column)
    return "a row"
