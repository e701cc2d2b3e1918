"""What a release consists of, built once for all tests of this folder."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE

import pytest

from tests.systemd.machine import Machine, lacking

ROOT = Path(__file__).parents[2]
# The last commit at schema 0001.
OLDER = "28e01376474c969cf17f82807c627a1e689a8625"
REQUIRED = "RENEWD_PACKAGES"  # `make test-packages` sets it


def without(reason: str) -> None:
    """Skip what cannot be tried here; for who asked for it, that is a failure."""
    if reason and os.environ.get(REQUIRED):
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)


@pytest.fixture(scope="session")
def package() -> Path:
    """Give the Debian package of this checkout. Building it takes half a minute."""
    if not os.environ.get(REQUIRED):
        pytest.skip("builds a package: make test-packages")
    without("" if shutil.which("dpkg-deb") else "dpkg-deb is not there: not a Debian")
    subprocess.run(["release/make", "deb"], cwd=ROOT, check=True, capture_output=True)
    return next((ROOT / "dist").glob("*.deb"))


@pytest.fixture(scope="session")
def unpacked(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with the files of the package, and in DEBIAN what controls it."""
    folder = tmp_path_factory.mktemp("package") / "root"
    subprocess.run(["dpkg-deb", "--raw-extract", package, folder], check=True)
    return folder


@pytest.fixture(scope="session")
def newer(unpacked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the same package as its next version."""
    folder = tmp_path_factory.mktemp("newer")
    shutil.copytree(unpacked, folder / "root", symlinks=True)
    return _packed(folder, "1000:")


@pytest.fixture(scope="session")
def older(unpacked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a package of before, whose database is of schema 0001: today's, with the daemon and the configuration of then."""
    if subprocess.run(
        ["git", "cat-file", "-e", OLDER], cwd=ROOT, capture_output=True, check=False
    ).returncode:
        without("the history does not go back to schema 0001")
    folder = tmp_path_factory.mktemp("older")
    shutil.copytree(unpacked, folder / "root", symlinks=True)
    (source := folder / "source").mkdir()
    archive = subprocess.run(["git", "archive", OLDER, "daemon", "config"], cwd=ROOT, stdout=PIPE, check=True)
    subprocess.run(["tar", "-x"], cwd=source, input=archive.stdout, check=True)
    (code,) = (folder / "root/usr/lib/renewd/lib").glob("python3.*/site-packages/renewd")
    shutil.rmtree(code)
    shutil.copytree(source / "daemon/renewd", code)
    shutil.copytree(source / "config", code / "_config")
    for name in ("renewd.yaml", "policy.yaml"):
        shutil.copy(source / "config" / name, folder / "root/etc/renewd" / name)
    return _packed(folder, "0~")


def _packed(folder: Path, version: str) -> Path:
    """Pack the folder `root`, with `version` before that of today."""
    control = folder / "root/DEBIAN/control"
    control.write_text(control.read_text().replace("Version: ", f"Version: {version}"))
    line = ["dpkg-deb", "--build", "-Znone", "--root-owner-group", "root", "made.deb"]
    subprocess.run(line, cwd=folder, check=True)
    return folder / "made.deb"


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Machine]:
    """Give a booted machine without renewd."""
    without(lacking())
    made = Machine(tmp_path)
    try:
        yield made
    finally:
        made.close()
