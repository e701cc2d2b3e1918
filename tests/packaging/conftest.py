"""What a release consists of, built once for all tests of this folder."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.systemd.machine import Machine, lacking

ROOT = Path(__file__).parents[2]
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
    control = folder / "root/DEBIAN/control"
    control.write_text(control.read_text().replace("Version: ", "Version: 1000:"))
    subprocess.run(
        ["dpkg-deb", "--build", "-Znone", "--root-owner-group", "root", "newer.deb"], cwd=folder, check=True
    )
    return folder / "newer.deb"


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Machine]:
    """Give a booted machine without renewd."""
    without(lacking())
    made = Machine(tmp_path)
    try:
        yield made
    finally:
        made.close()
