"""Mail is handed over privately or not at all, and whatever a mail server does is an OSError within the deadline."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from renewd.adapters.messengers.smtp import Security, Smtp
from tests.adapters.conftest import Certificate
from tests.adapters.mail_server import mail_server
from tests.contracts.messenger_contract import LETTER

SENDER = "billing@mvno.example"


def smtp(port: int, deadline: float = 3.0, **options: Any) -> Smtp:
    settings = {"security": Security.NONE, **options}
    return Smtp("127.0.0.1", port, SENDER, deadline=timedelta(seconds=deadline), **settings)


@pytest.mark.parametrize(
    ("verb", "reply", "said"),
    [
        ("CONNECT", "421 closing", "the mail server said 421"),
        ("CONNECT", "554 go away", "the mail server said 554"),
        ("MAIL", "451 try later", "the mail server said 451"),
        ("RCPT", "550 no such user; password=hunter2", "the mail server refused the recipient: 550"),
        ("RCPT", "452 mailbox full", "the mail server refused the recipient: 452"),
        ("DATA", "554 spam", "the mail server said 554"),
        ("TAKEN", "451 disk full", "the mail server said 451"),
        ("MAIL", "nonsense", "the mail server failed: SMTPSenderRefused"),
    ],
)
async def test_a_refusal_is_an_oserror_with_the_code_alone(verb: str, reply: str, said: str) -> None:
    async with mail_server({verb: reply}) as server:
        with pytest.raises(OSError) as refusal:
            await smtp(server.port).send(LETTER)
    assert str(refusal.value) == said


async def test_a_slow_mail_server_is_given_up_at_the_deadline() -> None:
    loop = asyncio.get_running_loop()
    start = loop.time()
    async with mail_server(pause=0.25) as server:
        with pytest.raises(OSError):
            await smtp(server.port, deadline=0.9).send(LETTER)
    assert loop.time() - start < 2
    assert server.mails == []


async def test_a_mail_server_that_is_not_there_is_an_oserror() -> None:
    with pytest.raises(OSError):
        await smtp(1).send(LETTER)


async def test_an_address_that_is_none_is_an_oserror_and_nothing_is_sent() -> None:
    async with mail_server() as server:
        with pytest.raises(OSError):
            await smtp(server.port).send(replace(LETTER, recipient="no address"))
    assert server.said == []


async def test_only_the_recipient_gets_the_letter() -> None:
    async with mail_server() as server:
        await smtp(server.port).send(LETTER)
    assert [line for line in map(str.lower, server.said) if line.startswith("rcpt")] == [
        "rcpt to:<ana@example.com>"
    ]


async def test_starttls_comes_before_the_password_and_the_letter(certificate: Certificate) -> None:
    async with mail_server(starttls=certificate.server()) as server:
        ours = smtp(
            server.port,
            security=Security.STARTTLS,
            username="renewd",
            password="secret",
            ca_file=str(certificate.cert),
        )
        await ours.send(LETTER)
    verbs = [line.split(" ")[0].upper() for line in server.said]
    assert verbs.index("STARTTLS") < verbs.index("AUTH") < verbs.index("MAIL")
    assert len(server.mails) == 1


async def test_a_greeting_proves_the_server_and_leaves_no_letter(certificate: Certificate) -> None:
    async with mail_server(starttls=certificate.server()) as server:
        ours = smtp(server.port, security=Security.STARTTLS, ca_file=str(certificate.cert))
        await ours.greet()
        with pytest.raises(OSError, match="certificate"):
            await smtp(server.port, security=Security.STARTTLS).greet()
    verbs = {line.split(" ")[0].upper() for line in server.said}
    assert "NOOP" in verbs
    assert not verbs & {"AUTH", "MAIL", "RCPT", "DATA"}
    assert server.mails == []


async def test_tls_from_the_first_byte(certificate: Certificate) -> None:
    async with mail_server(tls=certificate.server()) as server:
        await smtp(server.port, security=Security.TLS, ca_file=str(certificate.cert)).send(LETTER)
    assert len(server.mails) == 1


async def test_no_letter_goes_to_a_server_that_cannot_prove_its_name(certificate: Certificate) -> None:
    async with mail_server(starttls=certificate.server()) as server:
        with pytest.raises(OSError):
            await smtp(server.port, security=Security.STARTTLS, password="x", username="y").send(LETTER)
    assert server.mails == []
    assert not any(line.startswith("AUTH") for line in server.said)


async def test_no_letter_goes_to_a_server_that_does_without_tls() -> None:
    async with mail_server({"EHLO": "250 mail.example"}) as server:
        with pytest.raises(OSError, match="SMTPNotSupportedError"):
            await smtp(server.port, security=Security.STARTTLS).send(LETTER)
    assert server.mails == []


def test_plain_mail_stays_on_this_machine() -> None:
    with pytest.raises(ValueError, match="only over TLS"):
        Smtp("mail.example", 25, SENDER, security=Security.NONE)
