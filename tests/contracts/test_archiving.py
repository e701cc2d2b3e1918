"""What is long closed goes into files, whole and once; what keeps a period from being charged again stays."""

import gzip
import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from multiprocessing.util import Finalize
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, func, select, text
from sqlalchemy.exc import IntegrityError

from renewd.adapters.store import archive_files, archiving
from renewd.adapters.store.archiving import Archived, Archiving, archive, to_archive
from renewd.adapters.store.books import SqlBooks
from renewd.adapters.store.connect import connect
from renewd.adapters.store.seals import SqlSealer
from renewd.adapters.store.sql_store import SqlStore
from renewd.adapters.store.tables import metadata
from renewd.adapters.store.verifying import Trust, verify
from renewd.ports import StoreUnavailableError
from renewd.renewal.audit import Event
from renewd.renewal.model import Attempt, AttemptState, Leg, Renewal, Stage, Subscription, compact
from renewd.renewal.notice import Notice, NoticeKind, notice_id
from renewd.renewal.record import Record
from renewd.seal.note import Checkpoint
from renewd.seal.verify import Report
from tests.contracts.stores import LEASE, NOW, Home, postgres, sqlite, subscription
from tests.postgres import copy_of
from tests.simulation.desk import SqlDesk
from tests.simulation.policies import ORDINARY

MONTH, YEAR = timedelta(days=30), timedelta(days=365)
BEFORE = NOW - timedelta(days=100)


@dataclass
class Past:
    """A database with two years behind it, and the folder for its archive."""

    home: Home
    engine: Engine
    folder: Path
    kept: list[Checkpoint]

    def archive(self, before: datetime = BEFORE) -> Archived:
        return archive(self.engine, Archiving(before, self.folder, "ada", NOW), lambda _: None)

    def verified(self, *, archive: bool = True) -> Report:
        return verify(self.engine, Trust((), self.kept, self.folder if archive else None), lambda _: None)

    def ids(self) -> set[str]:
        return {each.id for each in self.home.desk.renewals()}

    def seal(self, now: datetime = NOW) -> None:
        while SqlSealer(self.engine, None, self.kept.append).seal(now):
            pass

    def files(self, kind: str) -> list[Path]:
        return sorted(self.folder.glob(f"{kind}-*"))


@pytest.fixture(params=["sqlite", "postgres"])
async def past(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Past:
    monkeypatch.setattr(archiving, "RENEWALS", 8)
    monkeypatch.setattr(archiving, "AUDIT_ROWS", 12)
    original, kept = await (_file_of_the_past if request.param == "sqlite" else _server_of_the_past)()
    if request.param == "sqlite":
        path = tmp_path / "renewd.db"
        shutil.copy(original, path)
        engine = connect(f"sqlite:///{path}")
    else:
        engine = connect(copy_of(original))
    home = Home(SqlDesk(engine), lambda owner: SqlStore(engine, owner, LEASE), IntegrityError)
    return Past(home, engine, tmp_path / "archive", list(kept))


_made: dict[str, tuple[str, list[Checkpoint]]] = {}  # it takes long to live for two years; copies are quick


async def _file_of_the_past() -> tuple[str, list[Checkpoint]]:
    if "sqlite" not in _made:
        folder = Path(tempfile.mkdtemp())
        Finalize(None, shutil.rmtree, args=(folder,), exitpriority=1)
        _made["sqlite"] = str(folder / "renewd.db"), await _live(sqlite(folder))
    return _made["sqlite"]


async def _server_of_the_past() -> tuple[str, list[Checkpoint]]:
    if "postgres" not in _made:
        home = postgres(Path())
        kept = await _live(home)
        assert isinstance(home.desk, SqlDesk)
        _made["postgres"] = str(home.desk._engine.url).replace("+psycopg", ""), kept
    return _made["postgres"]


async def _live(home: Home) -> list[Checkpoint]:
    """Have one subscription renewed twenty-four times, and the log sealed each time."""
    assert isinstance(home.desk, SqlDesk)
    kept: list[Checkpoint] = []
    store, sealer = home.open_store("one"), SqlSealer(home.desk._engine, None, kept.append)
    home.settle_in(subscription("s0", opens_at=None))
    (sold,) = home.desk.subscriptions()
    for month in range(24):
        opened = sold.current_period_end - (24 - month) * MONTH
        home.desk.put(*lived(sold, opened))
        names = ("renewal.opened", "charge.attempted", "renewal.completed")
        await store.log([Event(name, opened) for name in names])
        sealer.seal(opened)
    await store.close()
    return kept


def lived(
    sold: Subscription, start: datetime, stage: Stage = Stage.EXTENDED
) -> tuple[Renewal, Attempt, Attempt]:
    """A renewal that was closed when its period began, with its charge and its extension."""
    renewal = Renewal(sold.id, start, start + MONTH, start, start, None, stage, closed_at=start)
    legs = [
        Attempt(
            renewal.id, leg, 1, "p", sold.id, start, "d", start, start, AttemptState.DONE, closed_at=start
        )
        for leg in Leg
    ]
    charge, extension = legs
    return renewal, charge, extension


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in gzip.open(path, "rt")]


def test_a_letter_goes_with_its_renewal_unless_it_is_still_owed(past: Past) -> None:
    gone, owing, *_, staying = sorted(past.home.desk.renewals(), key=lambda each: each.closed_at or NOW)
    letters = [letter(gone), letter(owing, owed_at=NOW), letter(staying)]
    past.home.desk.put(*letters)
    past.archive()
    archived = [line for path in past.files("renewals") for line in lines(path) if line["table"] == "notices"]
    assert [(line["id"], line["body"]) for line in archived] == [(letters[0].id, "All is well.")]
    assert {each.id for each in past.home.desk.notices()} == {letters[1].id, letters[2].id}


def letter(renewal: Renewal, owed_at: datetime | None = None) -> Notice:
    name = notice_id(renewal.id, NoticeKind.RENEWED, renewal.charges)
    at = renewal.opened_at
    return Notice(name, "renewed", renewal.subscription_id, "a@b.c", "Renewed", "All is well.", at, owed_at)


def test_what_is_moved_is_in_the_files_and_nowhere_else(past: Past) -> None:
    before = {each.id: each for each in past.home.desk.renewals()}
    counted = to_archive(past.engine, BEFORE)
    assert past.archive() == counted
    left = past.ids()
    archived = [line for path in past.files("renewals") for line in lines(path)]
    renewals = [line for line in archived if line["table"] == "renewals"]
    assert {line["id"] for line in renewals} == before.keys() - left
    assert len(renewals) == counted.renewals == 21
    assert counted.attempts == sum(line["table"] == "attempts" for line in archived) == 42
    assert {each.renewal_id for each in past.home.desk.attempts()} == left
    assert all(before[each].closed_at >= BEFORE for each in left)  # type: ignore[operator]
    rows = [line for path in past.files("audit") for line in lines(path) if "sequence" in line]
    assert [line["sequence"] for line in rows] == list(range(1, 3 * 21 + 1))
    assert counted.audit_rows == len(rows)
    assert past.archive() == Archived()


def test_the_database_and_its_archive_verify_as_one_log_and_each_alone(past: Past) -> None:
    past.archive()
    past.seal()
    whole, alone = past.verified(), past.verified(archive=False)
    assert whole.findings == alone.findings == ()
    assert (whole.size, whole.root) == (alone.size, alone.root)
    assert (whole.rows, whole.archived, whole.held, whole.beyond) == (whole.size, 0, len(past.kept), 0)
    assert (alone.rows, alone.archived) == (whole.size - 63, 63)
    assert alone.held + alone.beyond == len(past.kept)


def change_a_line(path: Path) -> None:
    path.write_bytes(
        gzip.compress(gzip.decompress(path.read_bytes()).replace(b"renewal.completed", b"renewal.lapsed", 1))
    )


def leave_out_a_line(path: Path) -> None:
    _, rest = gzip.decompress(path.read_bytes()).split(b"\n", 1)
    path.write_bytes(gzip.compress(rest))


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a line that was changed": (change_a_line, "the rows 13 to 15 are not those"),
    "a line that is gone": (leave_out_a_line, "1 of the rows 13 to 15 are gone"),
    "a file that is gone": (Path.unlink, "the rows 13 to 27 are not those of the outside checkpoint of 15 rows"),
    "a file that was cut short": (lambda path: path.write_bytes(path.read_bytes()[:-20]), "is damaged or cannot be read"),
    "a file that is none": (lambda path: path.write_bytes(b"x"), "is damaged or cannot be read"),
}  # fmt: skip


@pytest.mark.parametrize(("damage", "words"), DAMAGE.values(), ids=DAMAGE)
def test_damage_to_the_archive_is_found(past: Past, damage: Callable[[Path], object], words: str) -> None:
    past.archive()
    damage(past.files("audit")[1])
    assert words in past.verified().findings[0].what
    assert past.verified(archive=False).findings == ()


def test_what_is_not_as_it_was_sealed_is_not_moved(past: Past) -> None:
    with past.engine.begin() as connection, archiving._deletable(connection):
        connection.execute(text("DELETE FROM audit_log WHERE sequence = 7"))
    with pytest.raises(StoreUnavailableError, match="are not as they were sealed; nothing is moved"):
        past.archive()
    assert past.verified(archive=False).findings[0].what == "row 7 was deleted"
    assert not past.files("audit")


STAYS: dict[str, Callable[[Subscription], object]] = {
    "in review": lambda sold: lived(sold, sold.current_period_end - YEAR, Stage.REVIEW)[0],
    "open": lambda sold: replace(lived(sold, sold.current_period_end - YEAR, Stage.DUE)[0], closed_at=None, next_at=NOW),
    "with an attempt in doubt": lambda sold: replace(lived(sold, sold.current_period_end - 20 * MONTH)[1], number=2, leg=Leg.EXTEND, closed_at=None),
}  # fmt: skip


@pytest.mark.parametrize("noun", STAYS.values(), ids=STAYS)
def test_what_is_not_settled_stays_however_old(past: Past, noun: Callable[[Subscription], object]) -> None:
    (sold,) = past.home.desk.subscriptions()
    left = noun(sold)
    past.home.desk.put(left)  # type: ignore[arg-type]
    past.archive()
    assert (left.renewal_id if isinstance(left, Attempt) else left.id) in past.ids()  # type: ignore[attr-defined]


@pytest.mark.parametrize("stage", [Stage.LAPSED, Stage.SKIPPED, Stage.CANCELED])
def test_the_newest_renewal_stays_for_it_bars_its_period(past: Past, stage: Stage) -> None:
    end = NOW - 2 * YEAR
    past.home.settle_in(replace(subscription("s1", opens_at=None), current_period_end=end, anchor=end))
    (sold,) = (each for each in past.home.desk.subscriptions() if each.id == "s1")
    past.home.desk.put(*lived(sold, end - MONTH), *lived(sold, end, stage))
    past.archive()
    assert {each for each in past.ids() if each.startswith("s1/")} == {f"s1/{compact(end)}"}


async def test_a_period_that_was_archived_is_never_opened_again(past: Past) -> None:
    (sold,) = past.home.desk.subscriptions()
    past.archive()
    customer, method = past.home.desk.methods()[0].customer_id, past.home.desk.methods()[0]
    books = SqlBooks(past.engine)
    owner = books.dossier(sold.id)
    assert owner
    for months in (24, 12, 3, 1):  # a file that was written then, handed in once more
        old = replace(sold, current_period_end=sold.current_period_end - months * MONTH, opens_at=None)
        books.import_records([Record(old, owner.customer, (method,))], ORDINARY, "ada", NOW, lambda _: None)
    assert customer == owner.customer.id
    store = SqlStore(past.engine, "one", LEASE)
    await store.replan("another", NOW, lambda _: NOW - YEAR)
    due = await past.home.due(past.home.store())
    opened = await store.open(due)
    await store.close()
    assert [each.renewal.period_start for each in opened] in ([], [sold.current_period_end])


@pytest.mark.parametrize("after", ["renewals", "audit"])
def test_a_run_that_was_killed_is_taken_up_again(
    past: Past, after: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between a file's being there and its rows' being gone, and given again with another date."""
    written: list[str] = []
    real = archive_files.write

    def killed(folder: Path, name: str, lines: list[bytes]) -> None:
        real(folder, name, lines)
        written.append(name)
        if len([each for each in written if each.startswith(after)]) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(archive_files, "write", killed)
    with pytest.raises(KeyboardInterrupt):
        past.archive()
    monkeypatch.setattr(archive_files, "write", real)
    (past.folder / "audit-000000000001-000000000002.jsonl.gz.part").write_bytes(b"half a file")
    past.archive(BEFORE - 16 * MONTH)
    past.archive()
    past.seal()
    assert past.verified().findings == ()
    told = [
        line["id"] for path in past.files("renewals") for line in lines(path) if line["table"] == "renewals"
    ]
    assert len(set(told)) == 21
    assert not set(told) & past.ids()


def test_a_folder_of_another_log_is_left_alone(past: Past) -> None:
    past.folder.mkdir()
    other = past.folder / "audit-000000000001-000000000003.jsonl.gz"
    other.write_bytes(gzip.compress(b'{"sequence":1}\n'))
    with pytest.raises(StoreUnavailableError, match="is of another log; name another folder"):
        past.archive()
    assert gzip.decompress(other.read_bytes()) == b'{"sequence":1}\n'
    with past.engine.begin() as connection:
        assert (
            connection.execute(select(func.count()).select_from(metadata.tables["audit_leaves"])).scalar()
            == 72
        )


def test_a_disk_that_does_not_keep_what_is_written_costs_nothing(
    past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive_files, "read", lambda _: iter([b"something else"]))
    with pytest.raises(
        StoreUnavailableError, match="does not hold what was written to it; nothing is deleted"
    ):
        past.archive()
    assert len(past.ids()) == 24


def test_the_log_refuses_changes_after_an_archive_as_before(past: Past) -> None:
    past.archive()
    for table in ("audit_log", "audit_leaves", "audit_checkpoints"):
        with past.engine.begin() as connection, pytest.raises(IntegrityError, match="append-only"):
            connection.execute(text(f"DELETE FROM {table}"))  # noqa: S608


def test_half_of_a_deletion_is_none(past: Past) -> None:
    before = past.ids()

    @event.listens_for(past.engine, "before_cursor_execute")
    def fail(_c: object, _k: object, statement: str, *_: object) -> None:
        if statement.startswith("DELETE FROM attempts"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        past.archive()
    assert past.ids() == before
    event.remove(past.engine, "before_cursor_execute", fail)
    assert past.archive().renewals == 21
