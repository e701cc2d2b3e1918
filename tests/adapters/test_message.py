"""A letter becomes one e-mail with our headers and nobody else's."""

import email
import email.policy
from dataclasses import replace
from pathlib import Path

import pytest

from renewd.adapters.messengers.maildir import Maildir
from renewd.adapters.messengers.message import composed
from tests.contracts.messenger_contract import LETTER

SENDER = "Billing <billing@mvno.example>"
HEADERS = {
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
}


def read_back(data: bytes) -> dict[str, str]:
    return dict(email.message_from_bytes(data, policy=email.policy.default).items())


def test_a_message_says_when_it_was_written_and_that_a_machine_wrote_it() -> None:
    headers = read_back(composed(LETTER, SENDER).as_bytes())
    assert set(headers) == HEADERS
    assert headers["Date"] == "Mon, 16 Nov 2026 09:00:00 +0000"
    assert headers["Auto-Submitted"] == "auto-generated"
    assert headers["Message-ID"] == f"<{LETTER.message_id}@mvno.example>"


def test_the_same_letter_is_the_same_message() -> None:
    assert composed(LETTER, SENDER).as_bytes() == composed(LETTER, SENDER).as_bytes()


@pytest.mark.parametrize(
    "text", ["Hi\r\nBcc: eve@example.com", "Hi\nBcc: eve@example.com", "Hi\x00\x0b\u2028\u0085x"]
)
def test_a_subject_cannot_smuggle_in_a_header(text: str) -> None:
    headers = read_back(composed(replace(LETTER, subject=text), SENDER).as_bytes())
    assert set(headers) == HEADERS
    assert headers["Subject"].startswith("Hi ")


def test_a_body_is_a_body() -> None:
    body = "Bcc: eve@example.com\n\n.\nFrom me\n" + "long " * 400 + "\n"
    data = composed(replace(LETTER, body=body), SENDER).as_bytes()
    message = email.message_from_bytes(data)
    assert set(message.keys()) == HEADERS
    assert message.get_payload(decode=True) == body.encode()
    assert max(map(len, data.splitlines())) <= 998


@pytest.mark.parametrize(
    "recipient",
    [
        "",
        "ana",
        "@example.com",
        "ana@",
        "ana@example.com\r\nBcc: eve@example.com",
        "ana@example.com\nX: y",
        "ana@example.com, eve@example.com",
        "Ana <ana@example.com>",
        "ana eve@example.com",
        "ana@exa\x00mple.com",
        "ana@" + "x" * 70 + ".com",
    ],
)
def test_what_is_no_address_cannot_be_delivered(recipient: str) -> None:
    with pytest.raises(OSError, match="no deliverable address"):
        composed(replace(LETTER, recipient=recipient), SENDER)


def test_a_domain_in_another_script_is_written_in_ascii() -> None:
    assert (
        composed(replace(LETTER, recipient="ana@bücher.example"), SENDER)["To"] == "ana@xn--bcher-kva.example"
    )


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("a/b", "<a/b@mvno.example>"),
        ("<a@b.example>", "<a@b.example>"),
        ("ü x\r\ny", "<%C3%BC%20x%0D%0Ay@mvno.example>"),
        ("n" * 200, f"<{'n' * 200}@mvno.example>"),
    ],
)
def test_a_message_id_is_one_word_on_one_line(name: str, header: str) -> None:
    data = composed(replace(LETTER, message_id=name), SENDER).as_bytes()
    assert f"Message-ID: {header}\n".encode() in data


async def test_a_letter_that_was_read_is_not_delivered_again(tmp_path: Path) -> None:
    box = Maildir(tmp_path, SENDER)
    await box.send(LETTER)
    [letter] = (tmp_path / "new").iterdir()
    letter.rename(tmp_path / "cur" / f"{letter.name}:2,S")
    await box.send(LETTER)
    assert list((tmp_path / "new").iterdir()) == list((tmp_path / "tmp").iterdir()) == []


async def test_letters_are_for_their_owner_s_eyes(tmp_path: Path) -> None:
    await Maildir(tmp_path / "mail", SENDER).send(LETTER)
    [letter] = (tmp_path / "mail" / "new").iterdir()
    assert letter.stat().st_mode & 0o077 == 0
    assert (tmp_path / "mail" / "new").stat().st_mode & 0o077 == 0


async def test_a_maildir_that_cannot_be_written_is_an_oserror(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("in the way")
    with pytest.raises(OSError):
        await Maildir(tmp_path / "mail", SENDER).send(LETTER)
