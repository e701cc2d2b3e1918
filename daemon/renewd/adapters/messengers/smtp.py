"""Letters handed to a mail server (RFC 5321)."""

import asyncio
import smtplib
import ssl
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email.message import EmailMessage
from enum import StrEnum

from renewd.adapters.messengers.message import composed
from renewd.renewal.notice import Letter

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_THREADS = 2


class Security(StrEnum):
    """How the connection is kept private. NONE is for a mail server on this machine."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


class Smtp:
    """Delivers through the mail server at `host`; certificates are always verified (`ca_file`: by these alone).

    Raises:
        ValueError: without TLS, for a server elsewhere.
        OSError: `ca_file` cannot be read.
    """

    def __init__(
        self,
        host: str,
        port: int,
        sender: str,
        *,
        security: Security = Security.STARTTLS,
        username: str = "",
        password: str = "",
        ca_file: str | None = None,
        deadline: timedelta = timedelta(seconds=30),
    ) -> None:
        if security is Security.NONE and host not in _LOOPBACK:
            raise ValueError("mail leaves this machine only over TLS: set security to starttls or tls")
        self._host = host
        self._port = port
        self._sender = sender
        self._security = security
        self._login = (username, password)
        self._deadline = deadline.total_seconds()
        self._context = ssl.create_default_context(cafile=ca_file)
        # Threads of its own: a mail server that hangs must not use up those that look up the gateway's address.
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="smtp")

    async def send(self, letter: Letter) -> None:
        """Deliver one letter. Raises OSError when the server refuses it, or is not done within the deadline."""
        message = composed(letter, self._sender)
        loop = asyncio.get_running_loop()
        # A thread cannot be stopped: past the deadline it ends with the server's next silence.
        async with asyncio.timeout(self._deadline):
            await loop.run_in_executor(self._threads, self._deliver, message)

    async def greet(self) -> None:
        """Connect as for a letter, prove who the server is, and leave. Raises OSError as `send`."""
        async with asyncio.timeout(self._deadline):
            await asyncio.get_running_loop().run_in_executor(self._threads, self._meet)

    def _meet(self) -> None:
        try:
            with self._session() as session:
                self._encrypt(session)
                session.noop()
        except smtplib.SMTPException as refusal:
            raise OSError(_said(refusal)) from None

    def _encrypt(self, session: smtplib.SMTP) -> None:
        if self._security is Security.STARTTLS:
            session.starttls(context=self._context)

    def _deliver(self, message: EmailMessage) -> None:
        try:
            with self._session() as session:
                self._encrypt(session)
                if self._login[0]:
                    session.login(*self._login)
                session.send_message(message)
        except (smtplib.SMTPException, ValueError) as refusal:  # ValueError: a password that is not ASCII
            raise OSError(_said(refusal)) from None

    def _session(self) -> smtplib.SMTP:
        silence = self._deadline / 3  # seconds without a word from the server
        if self._security is Security.TLS:
            return smtplib.SMTP_SSL(self._host, self._port, timeout=silence, context=self._context)
        return smtplib.SMTP(self._host, self._port, timeout=silence)


def _said(refusal: Exception) -> str:
    """Give the reply code and nothing of the server's text, which may hold anything."""
    match refusal:
        case smtplib.SMTPResponseException(smtp_code=code) if code > 0:
            return f"the mail server said {code}"
        case smtplib.SMTPRecipientsRefused(recipients=refused):
            return f"the mail server refused the recipient: {', '.join(str(code) for code, _ in refused.values())}"
        case _:
            return f"the mail server failed: {type(refusal).__name__}"
