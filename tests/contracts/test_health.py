"""Whether a database can be used by whoever asks."""

from pathlib import Path

import pytest
from sqlalchemy import make_url

from renewd.adapters.store.connect import connect, migrate
from renewd.adapters.store.health import not_durable, reached
from renewd.ports import StoreUnavailableError
from tests.postgres import empty_database, fresh_database


def test_a_file_of_this_version(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'renewd.db'}"
    migrate(connect(url))
    assert reached(url) == (str(tmp_path / "renewd.db"), True)


def test_none_at_all(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailableError, match="is not there yet"):
        reached(f"sqlite:///{tmp_path / 'renewd.db'}")


def test_a_server_that_may_forget_what_it_has_committed() -> None:
    lasting, forgetful = empty_database(durable=True), fresh_database()
    migrate(connect(lasting))
    assert not_durable(lasting) == ""
    assert (
        not_durable(forgetful) == "fsync is off, full_page_writes is off"
    )  # a session of ours asks for the third


def test_a_file_forgets_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'renewd.db'}"
    migrate(connect(url))
    assert not_durable(url) == ""


def test_a_server_lets_its_owner_write_and_no_mere_reader() -> None:
    url = fresh_database()
    assert reached(url)[1]
    engine = connect(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE ROLE onlooker LOGIN")
        connection.exec_driver_sql("GRANT SELECT ON ALL TABLES IN SCHEMA public TO onlooker")
    engine.dispose()
    onlooker = make_url(url).set(username="onlooker").render_as_string(hide_password=False)
    assert not reached(onlooker)[1]
