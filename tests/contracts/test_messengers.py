"""The messengers keep the contract: the one in memory, the Maildir, and a mail server."""

import email
import email.policy
import mailbox
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest

from renewd.adapters.messengers.maildir import Maildir
from renewd.adapters.messengers.smtp import Security, Smtp
from renewd.ports import Messenger
from tests.adapters.mail_server import MailServer, mail_server
from tests.contracts.messenger_contract import Delivered, MessengerContract, World
from tests.fakes import FakeMessenger

SENDER = "renewd <billing@mvno.example>"


def opened(data: bytes) -> EmailMessage:
    message = email.message_from_bytes(data, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def read(messages: Sequence[EmailMessage]) -> list[Delivered]:
    distinct = {str(message["Message-ID"]): message for message in messages}
    return [Delivered(each["To"], each["Subject"], each.get_content()) for each in distinct.values()]


class FakeWorld:
    def __init__(self) -> None:
        self._fake = FakeMessenger()
        self.messenger: Messenger = self._fake

    async def delivered(self) -> list[Delivered]:
        letters = self._fake.letters.values()
        return [Delivered(each.recipient, each.subject, each.body) for each in letters]


class MaildirWorld:
    def __init__(self, path: Path) -> None:
        self._path = path
        self.messenger: Messenger = Maildir(path, SENDER)

    async def delivered(self) -> list[Delivered]:
        box = mailbox.Maildir(self._path, create=False)
        return read([opened(box.get_bytes(key)) for key in box.keys()])  # noqa: SIM118 - a mailbox is no mapping


class SmtpWorld:
    def __init__(self, server: MailServer) -> None:
        self._server = server
        deadline = timedelta(seconds=5)
        self.messenger: Messenger = Smtp(
            "127.0.0.1", server.port, SENDER, security=Security.NONE, deadline=deadline
        )

    async def delivered(self) -> list[Delivered]:
        return read([opened(data.replace(b"\r\n", b"\n")) for data in self._server.mails])


class TestFakeMessenger(MessengerContract):
    @pytest.fixture
    def world(self) -> World:
        return FakeWorld()


class TestMaildir(MessengerContract):
    @pytest.fixture
    def world(self, tmp_path: Path) -> World:
        return MaildirWorld(tmp_path / "mail")


class TestSmtp(MessengerContract):
    @pytest.fixture
    async def world(self) -> AsyncIterator[World]:
        async with mail_server() as server:
            yield SmtpWorld(server)
