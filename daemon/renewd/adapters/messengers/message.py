"""A letter as an e-mail (RFC 5322): plain text, marked as written by a machine, with no room for foreign headers."""

from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from urllib.parse import quote

from renewd.renewal.notice import Letter

_ATEXT = "!#$&'*+/=?^`{|}~@"  # RFC 5322 3.2.3, less the percent sign, which escapes the rest


def composed(letter: Letter, sender: str) -> EmailMessage:
    """Write a letter from `sender` (`Name <address>` or a bare address) as an e-mail.

    The same letter always gives the same message, so that a mailbox can tell that it came twice.

    Raises:
        OSError: its recipient is no e-mail address, so it cannot be delivered.
    """
    message = EmailMessage()
    try:
        message["From"] = sender
        message["To"] = Address(addr_spec=_ascii_domain(letter.recipient))
        message["Subject"] = _one_line(letter.subject)
    except (ValueError, IndexError, MessageError):
        raise OSError("the letter has no deliverable address") from None
    message["Date"] = format_datetime(letter.written_at)
    message["Message-ID"] = _message_id(letter.message_id, message["From"].addresses[0].domain)
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office notes, please
    message.set_content(letter.body, cte="quoted-printable")  # lines stay lines, whatever their length
    return message


def _one_line(text: str) -> str:
    printable = "".join(each if each.isprintable() else " " for each in text)
    return " ".join(printable.split())


def _ascii_domain(address: str) -> str:
    local, _, domain = address.rpartition("@")
    return f"{local}@{domain.encode('idna').decode()}"


def _message_id(name: str, domain: str) -> str:
    left, at, right = quote(name.strip("<>"), safe=_ATEXT).rpartition("@")
    return f"<{left}@{right}>" if at else f"<{right}@{domain or 'localhost'}>"
