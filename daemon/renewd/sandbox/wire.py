"""HTTP/1.1 as bytes: requests out of a buffer, answers into heads (RFC 9110, RFC 9112)."""

import json
import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import unquote

MAX_HEAD = 64 * 1024  # bytes of request line and headers
MAX_BODY = 1024 * 1024  # bytes of request body

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_TARGET = re.compile(r"/[!-~]*", re.ASCII)
_REQUEST_LINE_PARTS = 3
_JSON = json.JSONEncoder(separators=(",", ":")).encode


class Manner(StrEnum):
    """How an answer leaves: as it should, or as a fault."""

    PLAIN = "plain"
    RESET = "reset"  # TCP RST instead of an answer
    HANG = "hang"  # no answer at all
    DRIP = "drip"  # one byte of the body at a time
    HUGE = "huge"  # the body padded to 64 MiB


class Request(NamedTuple):
    """One request. Header names are in lower case; `segments` are the path's parts, percent-decoded."""

    method: str
    path: str
    segments: tuple[str, ...]
    query: str
    headers: Mapping[str, str]
    body: bytes
    keep_alive: bool


class Answer(NamedTuple):
    """One answer; `headers` beyond those every answer carries."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = "application/json"
    manner: Manner = Manner.PLAIN


Work = Callable[[], Answer]
"""What is left to do for a request once its latency has passed."""


class Answered(Exception):
    """Raised where a request has its answer before its work begins."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def json_answer(status: int, content: Any, *headers: tuple[str, str]) -> Answer:
    """An answer whose body is JSON."""
    return Answer(status, _JSON(content).encode(), headers)


def problem(status: int, code: str, message: str, *headers: tuple[str, str]) -> Answer:
    """An answer that belongs to neither provider's format: the path, the method or the bytes were wrong."""
    error = {"type": "invalid_request_error", "code": code, "message": message}
    return json_answer(status, {"error": error}, *headers)


def head_of(answer: Answer, length: int, request_id: str, *, keep_alive: bool) -> bytes:
    """Status line and headers for a body of `length` bytes."""
    lines = [
        f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}",
        f"Content-Type: {answer.content_type}",
        f"Content-Length: {length}",
        f"Request-Id: {request_id}",
        *(f"{name}: {value}" for name, value in answer.headers),
    ]
    if not keep_alive:
        lines.append("Connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def take(buffer: bytearray) -> Request | None:
    """Remove the first whole request from a buffer; None while it is incomplete.

    Raises:
        Answered: the bytes are no acceptable request; the connection is of no further use.
    """
    while buffer.startswith(b"\r\n"):  # RFC 9112, 2.2: empty lines before a request line are ignored
        del buffer[:2]
    end = buffer.find(b"\r\n\r\n", 0, MAX_HEAD)
    if end < 0:
        if len(buffer) >= MAX_HEAD:
            raise Answered(problem(431, "head_too_large", "The request line and headers exceed 64 KiB."))
        return None
    method, target, version, headers = _head(bytes(buffer[:end]))
    length = _content_length(headers)
    if len(buffer) < end + 4 + length:
        return None
    body = bytes(buffer[end + 4 : end + 4 + length])
    del buffer[: end + 4 + length]
    path, _, query = target.partition("?")
    keep_alive = version == "HTTP/1.1" and headers.get("connection", "").lower() != "close"
    return Request(method, path, _segments(path), query, headers, body, keep_alive)


def _head(head: bytes) -> tuple[str, str, str, dict[str, str]]:
    line, *rest = head.decode("latin-1").split("\r\n")
    parts = line.split(" ")
    if len(parts) != _REQUEST_LINE_PARTS or not _TOKEN.fullmatch(parts[0]) or not _TARGET.fullmatch(parts[1]):
        raise Answered(problem(400, "malformed", "The request line is malformed."))
    if parts[2] not in {"HTTP/1.1", "HTTP/1.0"}:
        raise Answered(problem(400, "malformed", "Only HTTP/1.1 and HTTP/1.0 are spoken here."))
    headers: dict[str, str] = {}
    for field in rest:
        name, colon, value = field.partition(":")
        if not colon or not _TOKEN.fullmatch(name) or "\n" in value or "\r" in value or "\0" in value:
            raise Answered(problem(400, "malformed", "A header is malformed."))
        name, value = name.lower(), value.strip(" \t")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return parts[0], parts[1], parts[2], headers


def _content_length(headers: Mapping[str, str]) -> int:
    if "transfer-encoding" in headers:
        raise Answered(
            problem(400, "malformed", "Transfer-Encoding is not spoken here: send Content-Length.")
        )
    text = headers.get("content-length", "0")
    if not (text.isascii() and text.isdigit()):
        raise Answered(problem(400, "malformed", "Content-Length is not a number."))
    if len(text) > len(str(MAX_BODY)) or int(text) > MAX_BODY:
        raise Answered(problem(413, "body_too_large", "The request body exceeds 1 MiB."))
    return int(text)


def _segments(path: str) -> tuple[str, ...]:
    try:
        return tuple(unquote(part, errors="strict") if "%" in part else part for part in path[1:].split("/"))
    except UnicodeDecodeError:
        raise Answered(problem(400, "malformed", "The path is not UTF-8.")) from None
