"""The task for threads and processes. Pool and client are opened once in each process, by the first who needs them."""

import os
from functools import cache
from threading import Lock

import psycopg_pool
import urllib3

from tests.benchmarks.peers.case import AT_ONCE, Case, Request, Statements

_opening = Lock()


def renew(number: int) -> None:
    """Renew one subscription."""
    extend(number, charge(number))
    finish(number)


def charge(number: int) -> str:
    """Commit the intent, charge, and give the payment."""
    case = Case(number)
    _commit(case.intended())
    return str(_post(case.charge(), form=True)["id"])


def extend(number: int, payment: str) -> None:
    """Commit that it is paid and what comes next, and extend."""
    case = Case(number)
    _commit(case.charged(payment))
    _post(case.extension())


def finish(number: int) -> None:
    """Commit the outcome, the new expiry and the audit row."""
    _commit(Case(number).extended())


def _commit(statements: Statements) -> None:
    with _tools()[0].connection() as connection:
        for statement, values in statements:
            connection.execute(statement, values)


def _post(request: Request, *, form: bool = False) -> dict[str, object]:
    body = {"fields": request.fields, "encode_multipart": False} if form else {"json": request.fields}
    url = os.environ["PEER_GATEWAY"] + request.path
    answer = _tools()[1].request("POST", url, headers=request.headers, **body)
    if answer.status != 200:
        raise RuntimeError(f"{request.path} answered {answer.status}")
    return dict(answer.json())


def _tools() -> tuple[psycopg_pool.ConnectionPool, urllib3.PoolManager]:
    with _opening:
        return _opened()


@cache
def _opened() -> tuple[psycopg_pool.ConnectionPool, urllib3.PoolManager]:
    size = int(os.environ["PEER_CONNECTIONS"])
    pool = psycopg_pool.ConnectionPool(os.environ["PEER_DATABASE"], min_size=size, max_size=size, open=True)
    return pool, urllib3.PoolManager(maxsize=AT_ONCE)
