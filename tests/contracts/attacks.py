"""An audit log that was sealed three times, and what somebody who can write its file may do to it."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from renewd.adapters.store.audit_rows import audit_lines
from renewd.adapters.store.connect import connect
from renewd.adapters.store.seals import SqlSealer
from renewd.adapters.store.sql_store import SqlStore
from renewd.adapters.store.tables import audit_log
from renewd.adapters.store.verifying import Trust, verify
from renewd.renewal.audit import Event
from renewd.renewal.money import Money
from renewd.seal.keys import PublicKey, SigningKey
from renewd.seal.leaf import leaf_hash
from renewd.seal.note import Checkpoint
from renewd.seal.verify import Report
from tests.contracts.stores import LEASE, NOW, sqlite

TABLES = ("audit_log", "audit_leaves", "audit_checkpoints")


class SealedLog:
    """Rows 1 to 4, 5 to 9 and 10 to 12 are sealed, 13 and 14 are not yet."""

    def __init__(self, folder: Path) -> None:
        self.key = SigningKey.generate("example.com/renewals")
        self.kept: list[Checkpoint] = []  # what was carried away from the machine
        sqlite(folder)
        self.path = folder / "renewd.db"
        self.engine = connect(f"sqlite:///{self.path}")

    async def fill(self) -> None:
        store = SqlStore(self.engine, "one", LEASE)
        done = 0
        for count in (4, 5, 3, 2):
            await store.log([event(done + n) for n in range(count)])
            done += count
            if count > 2:
                SqlSealer(self.engine, self.key, self.kept.append).seal(NOW)
        await store.close()

    def verified(self, *, key: bool = False, checkpoint: bool = False) -> Report:
        keys: list[PublicKey] = [self.key.public] if key else []
        return verify(self.engine, Trust(keys, self.kept if checkpoint else []), lambda _: None)

    @contextmanager
    def opened(self) -> Iterator[sqlite3.Connection]:
        """The file, with nothing in it that forbids a change."""
        connection = sqlite3.connect(self.path)
        guards = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in guards:
            connection.execute(f"DROP TRIGGER {name}")
        yield connection
        for _, statement in guards:
            connection.execute(statement)
        connection.commit()
        connection.close()

    def seal(self) -> None:
        """Do what the daemon does next: seal what is not sealed, and sign it."""
        SqlSealer(self.engine, self.key).seal(NOW)

    def sealed_anew(self, key: SigningKey | None, after: int = 0) -> None:
        """Compute every hash and every checkpoint after a row again, as if the log had always been as it is now."""
        beyond = f"sequence > {after} ORDER BY sequence"
        with self.opened() as connection:
            ends = connection.execute(
                "SELECT last FROM audit_checkpoints WHERE last > ? ORDER BY last", (after,)
            ).fetchall()
            rows = connection.execute(f"SELECT * FROM audit_log WHERE {beyond}").fetchall()  # noqa: S608
            for table in TABLES:
                column = "last" if table == "audit_checkpoints" else "sequence"
                connection.execute(f"DELETE FROM {table} WHERE {column} > ?", (after,))  # noqa: S608
        ends = sorted({min(end, rows[-1][0]) for (end,) in ends})
        for start, end in zip([after, *ends], ends, strict=False):
            self._put([row for row in rows if start < row[0] <= end])
            SqlSealer(self.engine, key).seal(NOW)
        self._put([row for row in rows if row[0] > ends[-1]])

    def _put(self, rows: list[tuple[object, ...]]) -> None:
        marks = ",".join("?" * len(audit_log.c))
        with self.opened() as connection:
            connection.executemany(f"INSERT INTO audit_log VALUES ({marks})", rows)  # noqa: S608

    def hash_anew(self, sequence: int) -> None:
        with self.engine.connect() as reading:
            line = audit_lines(reading, sequence - 1, sequence, 1)[sequence]
        with self.opened() as connection:
            connection.execute(
                "UPDATE audit_leaves SET hash = ? WHERE sequence = ?", (leaf_hash(line), sequence)
            )


def event(number: int) -> Event:
    return Event("charge.succeeded", NOW, subscription=f"S-{number}", amount=Money(1000 + number, "USD"))


def run(*statements: str) -> Callable[[SealedLog], None]:
    def attack(log: SealedLog) -> None:
        with log.opened() as connection:
            for statement in statements:
                connection.execute(statement)

    return attack


EDIT = "UPDATE audit_log SET amount_minor = 1 WHERE sequence = 7"
CUT = (
    "DELETE FROM audit_log WHERE sequence > 9",
    "DELETE FROM audit_leaves WHERE sequence > 9",
    "DELETE FROM audit_checkpoints WHERE last > 9",
)
SWAP = (
    "UPDATE audit_log SET sequence = -1 WHERE sequence = 6",
    "UPDATE audit_log SET sequence = 6 WHERE sequence = 11",
    "UPDATE audit_log SET sequence = 11 WHERE sequence = -1",
)
INSERT = (
    "DELETE FROM audit_log WHERE sequence > 12",
    "INSERT INTO audit_log SELECT {}, at, name, actor, 'S-99', renewal, leg, provider, attempt, method, amount_minor, "
    "amount_currency, key, outcome, decline_class, code, reference, next_action, next_at, policy_digest, duration_ms, "
    "detail FROM audit_log WHERE sequence = 4",
)
CLAIM = (
    "INSERT INTO audit_log SELECT 15, at, 'archive.audit', actor, '', renewal, leg, provider, attempt, method, amount_minor, "
    "amount_currency, key, outcome, decline_class, '4', reference, next_action, next_at, policy_digest, duration_ms, "
    "detail FROM audit_log WHERE sequence = 4"
)


def edit_and_hash(log: SealedLog) -> None:
    run(EDIT)(log)
    log.hash_anew(7)


def edit_and_seal_anew(log: SealedLog) -> None:
    run(EDIT)(log)
    log.sealed_anew(None)


def edit_and_have_it_sealed_over(log: SealedLog) -> None:
    edit_and_seal_anew(log)
    log.seal()


def edit_and_have_it_sealed_over_from_there(log: SealedLog) -> None:
    run(EDIT)(log)
    log.sealed_anew(None, after=4)
    log.seal()


def edit_and_have_it_sealed(log: SealedLog) -> None:
    run(EDIT, "DELETE FROM audit_leaves", "DELETE FROM audit_checkpoints")(log)
    log.seal()


def edit_and_seal_anew_with_another_key(log: SealedLog) -> None:
    run(EDIT)(log)
    log.sealed_anew(SigningKey.generate(log.key.name))


def edit_and_seal_anew_with_the_key(log: SealedLog) -> None:
    run(EDIT)(log)
    log.sealed_anew(log.key)


ATTACKS: dict[str, Callable[[SealedLog], None]] = {
    "a sealed row is edited": run(EDIT),
    "a sealed row is deleted": run("DELETE FROM audit_log WHERE sequence = 7"),
    "a row is put in among sealed ones": run(*[each.format(0) for each in INSERT]),
    "two sealed rows are swapped": run(*SWAP),
    "a row is edited, and its hash too": edit_and_hash,
    "a row is deleted, and its hash too": run(
        "DELETE FROM audit_log WHERE sequence = 7", "DELETE FROM audit_leaves WHERE sequence = 7"
    ),
    "the end is cut off, with hashes and checkpoints": run(*CUT),
    "a row is edited, and all sealed anew without the key": edit_and_seal_anew,
    "the same from the last checkpoint before it on, and the daemon goes on": edit_and_have_it_sealed_over_from_there,
    "the same from the first row on, and the daemon goes on": edit_and_have_it_sealed_over,
    "a row is edited, and all seals are taken away for the daemon to make anew": edit_and_have_it_sealed,
    "a row is edited, and all sealed anew with another key": edit_and_seal_anew_with_another_key,
    "the same, with the stolen key": edit_and_seal_anew_with_the_key,
    "a row that is not sealed yet is edited": run(
        "UPDATE audit_log SET amount_minor = 1 WHERE sequence = 13"
    ),
}
