"""What every messenger must do. A subclass gives the fixture `world`: the messenger, and its letter box."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from renewd.ports import Messenger
from renewd.renewal.notice import Letter

LETTER = Letter(
    message_id="5f4dcc3b5aa765d61d8327deb882cf99",
    recipient="ana@example.com",
    subject="Your plan “Plus” is renewed",
    body="Hello Ana,\n\n70.00 USD were charged. Grüße\n",
    written_at=datetime(2026, 11, 16, 9, tzinfo=UTC),
)


class Delivered(NamedTuple):
    """A letter as it was found."""

    recipient: str
    subject: str
    body: str


class World(Protocol):
    messenger: Messenger

    async def delivered(self) -> Sequence[Delivered]:
        """What lies in the letter box, letters with one message id counted once."""
        ...


class MessengerContract:
    """Inherit, and give the fixture `world`."""

    async def test_a_letter_arrives_as_it_was_written(self, world: World) -> None:
        await world.messenger.send(LETTER)
        assert await world.delivered() == [Delivered(LETTER.recipient, LETTER.subject, LETTER.body)]

    async def test_a_letter_that_is_delivered_twice_is_one_letter(self, world: World) -> None:
        await world.messenger.send(LETTER)
        await world.messenger.send(LETTER)
        assert len(await world.delivered()) == 1

    async def test_two_letters_are_two(self, world: World) -> None:
        await world.messenger.send(LETTER)
        await world.messenger.send(Letter("another", "bo@example.com", "Hello", "Bo\n", LETTER.written_at))
        assert {each.recipient for each in await world.delivered()} == {"ana@example.com", "bo@example.com"}
