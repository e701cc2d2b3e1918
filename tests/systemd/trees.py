"""The files that a machine is booted from: this machine's own, or those of a release of Debian, from its packages."""

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
HERE = "here"
PACKAGES = (
    "systemd,systemd-sysv,dbus,libpam-systemd,procps,iproute2,adduser,logrotate,strace,python3,util-linux"
)
LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*")


class NoTree(Exception):
    """The files of a release are not to be had here; the text says why."""


def tree_of(release: str) -> Path:
    """Give the root of a release's files, made at the first time in `build/trees`; nothing is ever written in it after.

    Raises:
        NoTree: They are not there and cannot be made.

    """
    if release == HERE:
        return Path("/")
    tree = ROOT / "build" / "trees" / release
    if not tree.is_dir():
        _make(release, tree)
    return tree


def _make(release: str, tree: Path) -> None:
    if not shutil.which("mmdebstrap"):
        raise NoTree(f"{release}: mmdebstrap is not installed (Debian: apt-get install mmdebstrap)")
    made = tree.with_name(f"{release}.{os.getpid()}")
    made.parent.mkdir(parents=True, exist_ok=True)
    line = ["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", f"--include={PACKAGES}"]
    line += [f"--dpkgopt=path-exclude={each}" for each in LEFT_OUT]
    done = subprocess.run([*line, release, made], capture_output=True, text=True, check=False)
    if done.returncode:
        shutil.rmtree(made, ignore_errors=True)
        raise NoTree(f"{release}: its packages cannot be had: {(done.stderr.splitlines() or ['?'])[-1]}")
    if tree.is_dir():  # another has made it meanwhile
        shutil.rmtree(made)
    else:
        made.rename(tree)
