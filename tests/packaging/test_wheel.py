"""The wheel: whole, and the same each time."""

import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def built(folder: Path) -> Path:
    environ = {**os.environ, "SOURCE_DATE_EPOCH": "1790000000"}
    line = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(line, cwd=ROOT, env=environ, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("wheel"))


def test_it_has_all_that_renewd_reads_beside_its_own_code(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    source = ROOT / "daemon/renewd"
    code = {f"renewd/{each.relative_to(source)}" for each in source.rglob("*") if _is_read(each)}
    given = {
        f"renewd/_{folder}/{each.relative_to(ROOT / folder)}"
        for folder in ("config", "systemd")
        for each in (ROOT / folder).rglob("*")
        if each.is_file() and "var" not in each.relative_to(ROOT / folder).parts
    }
    assert not (code | given) - names


def test_it_is_the_same_each_time(wheel: Path, tmp_path: Path) -> None:
    assert (
        hashlib.sha256(built(tmp_path).read_bytes()).digest() == hashlib.sha256(wheel.read_bytes()).digest()
    )


def _is_read(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts
