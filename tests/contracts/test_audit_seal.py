"""What verifying finds of each way to change the log, and what it cannot; docs/audit.md has the same table."""

from pathlib import Path

import pytest

from renewd.adapters.store.verifying import Trust, verify
from renewd.seal.keys import SigningKey
from tests.contracts.attacks import ATTACKS, CLAIM, CUT, EDIT, INSERT, SealedLog, run

# What whoever verifies has: the public key, and a checkpoint that was kept elsewhere.
KNOWN = {"nothing": (False, False), "public key": (True, False), "checkpoint": (False, True)}


@pytest.fixture
async def log(tmp_path: Path) -> SealedLog:
    made = SealedLog(tmp_path)
    await made.fill()
    return made


@pytest.mark.parametrize("known", KNOWN)
def test_a_log_that_nobody_touched_is_as_it_was_sealed(log: SealedLog, known: str) -> None:
    key, checkpoint = KNOWN[known]
    report = log.verified(key=key, checkpoint=checkpoint)
    assert report.findings == ()
    assert (report.rows, report.size, report.unsealed, report.checkpoints) == (14, 12, 2, 3)
    assert report.root == log.kept[-1].root
    assert (report.signed, report.held) == (3 * key, 3 * checkpoint)


def row(attack: str, found: list[bool]) -> str:
    return f"| {attack} | " + " | ".join("found" if each else "-" for each in found) + " |"


@pytest.mark.parametrize("attack", ATTACKS)
def test_each_attack_is_found_with_what_the_readme_says(log: SealedLog, attack: str) -> None:
    ATTACKS[attack](log)
    found = [bool(log.verified(key=key, checkpoint=kept).findings) for key, kept in KNOWN.values()]
    assert row(attack, found) in (Path(__file__).parents[2] / "docs" / "audit.md").read_text()


@pytest.mark.parametrize(
    ("attack", "sequence", "words"),
    [
        ("a sealed row is edited", 7, "row 7 was changed"),
        ("a sealed row is deleted", 7, "row 7 was deleted"),
        ("a row is put in among sealed ones", 0, "row 0 was inserted: it was not there when its neighbours were sealed"),
        ("two sealed rows are swapped", 6, "row 6 now holds what row 11 was sealed with: they were swapped"),
        ("a row is edited, and its hash too", 5, "the rows 5 to 9 are not those of the outside checkpoint of 9 rows"),
        ("a row is deleted, and its hash too", 5, "1 of the rows 5 to 9 are gone, and their hashes too"),
        ("the end is cut off, with hashes and checkpoints", 10, "the log ends with its row number 9; an outside checkpoint has 12: the end was cut off"),
        ("a row is edited, and all sealed anew without the key", 5, "the rows 5 to 9 are not those of the outside checkpoint of 9 rows"),
    ],
)  # fmt: skip
def test_the_first_row_that_is_wrong_is_named(log: SealedLog, attack: str, sequence: int, words: str) -> None:
    ATTACKS[attack](log)
    first = log.verified(checkpoint=True).findings[0]
    assert first.sequence == sequence
    assert first.what.startswith(words)


def test_only_what_was_touched_is_told(log: SealedLog) -> None:
    run(EDIT, "DELETE FROM audit_log WHERE sequence = 11")(log)
    assert [each.what for each in log.verified(key=True, checkpoint=True).findings] == [
        "row 7 was changed",
        "row 11 was deleted",
    ]


SPOILT = {
    "a checkpoint": ("UPDATE audit_checkpoints SET note = replace(note, char(10) || '9' || char(10), char(10) || '8' || char(10)) WHERE size = 9", 5, "false signature"),
    "what a checkpoint is": ("UPDATE audit_checkpoints SET note = 'x' WHERE size = 9", 9, "the checkpoint of 9 audit rows was changed"),
    "the newest checkpoint": ("DELETE FROM audit_checkpoints WHERE size = 12", 10, "3 rows have hashes, and the checkpoint over them is gone"),
    "a signature": ("UPDATE audit_checkpoints SET note = substr(note, 1, instr(note, char(8212)) - 1) WHERE size = 12", 10, "not signed with the key"),
    "an edge": ("UPDATE audit_checkpoints SET edge = zeroblob(length(edge)) WHERE size = 9", 5, "the edge of the tree"),
    "a text that is none": ("UPDATE audit_log SET detail = CAST(x'ff' AS TEXT) WHERE sequence = 7", 7, "row 7 was changed"),
    "a number that is none": ("UPDATE audit_log SET amount_minor = x'00' WHERE sequence = 7", 7, "row 7 was changed"),
    "an instant": ("UPDATE audit_log SET at = replace(at, ' ', 'T') || 'Z' WHERE sequence = 7", 7, "row 7 was changed"),
    "a claim that rows are in an archive": (CLAIM, 1, "row 1 is there, and the log says that it is in the archive"),
}  # fmt: skip


@pytest.mark.parametrize(("statement", "sequence", "words"), SPOILT.values(), ids=SPOILT)
def test_what_was_done_to_the_seal_itself_is_found(
    log: SealedLog, statement: str, sequence: int, words: str
) -> None:
    run(statement)(log)
    first = log.verified(key=True).findings[0]
    assert (first.sequence, words in first.what) == (sequence, True), first


def test_a_row_between_two_others_is_found_where_numbers_were_left_out(log: SealedLog) -> None:
    run(*[each.format(15) for each in INSERT])(log)
    assert log.verified(key=True, checkpoint=True).findings == ()  # a row at the end is no change of the log


@pytest.fixture
async def late(tmp_path: Path) -> SealedLog:
    """A log whose first two checkpoints were made before there was a key."""
    made = SealedLog(tmp_path)
    await made.fill()
    strip = "UPDATE audit_checkpoints SET note = substr(note, 1, instr(note, char(8212)) - 1) WHERE size < 12"
    run(strip)(made)
    return made


def test_a_key_may_come_late_and_what_was_sealed_before_it_is_told(late: SealedLog) -> None:
    report = late.verified(key=True)
    assert (report.findings, report.signed, report.unsigned_first) == ((), 1, 9)
    assert late.verified(key=True, checkpoint=True).findings == ()
    assert late.verified().unsigned_first == 0


def test_what_was_sealed_before_there_was_a_key_is_proven_by_the_first_signature(late: SealedLog) -> None:
    run("UPDATE audit_log SET amount_minor = 1 WHERE sequence = 2")(late)
    late.hash_anew(2)
    assert late.verified(key=True).findings[0].sequence == 1


def test_a_key_that_has_signed_nothing_yet_is_no_proof(late: SealedLog) -> None:
    run(*CUT)(late)
    (found,) = late.verified(key=True).findings
    assert "If the key is new: the next one signs for all 9 rows" in found.what
    assert late.verified().findings == ()


def test_a_gap_in_the_signatures_is_told_once_and_where(log: SealedLog) -> None:
    strip = "UPDATE audit_checkpoints SET note = substr(note, 1, instr(note, char(8212)) - 1) WHERE size = 9"
    run(strip)(log)
    (found,) = log.verified(key=True).findings
    assert (found.sequence, found.what[:28]) == (5, "the rows 5 to 9 are sealed, ")


def test_a_second_key_takes_the_place_of_the_first(log: SealedLog) -> None:
    first, log.key = log.key, SigningKey.generate(log.key.name)
    log.seal()
    assert log.verified(key=True).unsigned_first == 12
    both = Trust([first.public, log.key.public])
    report = verify(log.engine, both, lambda _: None)
    assert (report.findings, report.signed, report.unsigned_first) == ((), 4, 0)
    (found,) = verify(log.engine, Trust([first.public]), lambda _: None).findings
    assert found.sequence == 13
