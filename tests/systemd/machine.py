"""A machine that is thrown away: a real systemd as PID 1 of its own namespaces, over a copy of a tree of files.

What is written in it goes to memory and is gone at its end; its network is its own loopback. It needs root, a kernel
with overlayfs and cgroup2, and systemd-nspawn.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import renewd

SOURCES = Path(renewd.__file__).parents[1]
UNITS = SOURCES.parent / "systemd"
# Tenths; what is left is that it speaks to providers whose addresses nobody knows in advance.
MOST_EXPOSED = "11"
BOOT_SECONDS, COMMAND_SECONDS = 60, 120
# What this machine has there has no business in the copy.
EMPTIED = ("etc/systemd/system", "var/log", "var/lib/systemd", "etc/renewd", "etc/credstore")

_NUMBERS = count()
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
PYTHON = ("env", "LD_LIBRARY_PATH=/opt/renewd/python/lib", f"/opt/renewd/python/bin/python{VERSION}")

# In a mount namespace of its own, so that nothing of it is seen outside. An outer /run that is no tmpfs, and cgroups of
# version 1, are in nspawn's way. Without bpf() and what it asks for, systemd does not enforce IPAddressDeny=.
_PREPARE = """
set -e
umount -R /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir -p "/sys/fs/cgroup/$NAME"
echo $$ > "/sys/fs/cgroup/$NAME/cgroup.procs"
mkdir -p /run/systemd/nspawn
mount -t tmpfs tmpfs /run/systemd/nspawn
mount -t tmpfs tmpfs "$FOLDER/memory"
mkdir "$FOLDER/memory/upper" "$FOLDER/memory/work" "$FOLDER/memory/root"
mount -t overlay overlay -o "lowerdir=$TREE,upperdir=$FOLDER/memory/upper,workdir=$FOLDER/memory/work" "$FOLDER/memory/root"
for each in $EMPTIED; do
    rm -rf "$FOLDER/memory/root/$each"
    mkdir -p "$FOLDER/memory/root/$each"
done
: > "$FOLDER/memory/root/etc/fstab"
exec systemd-nspawn --quiet --directory="$FOLDER/memory/root" --machine="$NAME" --register=no --keep-unit \
    --capability=CAP_BPF,CAP_NET_ADMIN,CAP_PERFMON --system-call-filter=bpf \
    --private-network --resolv-conf=off --timezone=off --link-journal=no --console=pipe --kill-signal=SIGRTMIN+3 \
    "$@" --boot -- systemd.unit=basic.target systemd.show_status=0
"""


def lacking() -> str:
    """Say what keeps such a machine from being booted here; nothing when nothing does."""
    if os.geteuid():
        return "only root can boot a machine"
    missing = [
        tool for tool in ("systemd-nspawn", "nsenter", "unshare", "systemctl") if not shutil.which(tool)
    ]
    return (
        f"not installed: {', '.join(missing)} (Debian: apt-get install systemd-container)" if missing else ""
    )


class Machine:
    """One that runs. Commands are run in it as root."""

    def __init__(self, folder: Path, tree: Path = Path("/")) -> None:
        """Boot it over the files in `tree`, with `folder` for what is its own."""
        self._name = f"renewd-test-{os.getpid()}-{next(_NUMBERS)}"
        (folder / "memory").mkdir()
        mine = {"NAME": self._name, "FOLDER": str(folder), "TREE": str(tree), "EMPTIED": " ".join(EMPTIED)}
        given = {**os.environ, **mine}
        line = ["unshare", "--mount", "--propagation", "private", "sh", "-c", _PREPARE, "sh", *_binds()]
        self._console = folder / "console"
        with self._console.open("wb") as console:
            self._process = subprocess.Popen(
                line, env=given, stdin=subprocess.DEVNULL, stdout=console, stderr=console
            )
        try:
            self._pid = self._wait_for_init()
            self._wait_for_boot()
        except BaseException:
            self.close()
            raise

    def run(self, *command: str, stdin: str = "", ok: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; it must succeed unless it need not be `ok`."""
        done = subprocess.run(
            (*self._inside(), *command),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
            cwd="/",
            env={"PATH": "/usr/local/bin:/usr/bin:/usr/sbin:/bin:/sbin", "LC_ALL": "C.UTF-8"},
        )
        assert done.returncode == 0 or not ok, f"{command}: {done.stdout}{done.stderr}{self._journal()}"
        return done

    def write(self, path: str, text: str, mode: str = "0644") -> None:
        """Write a file."""
        self.run("install", "-D", f"--mode={mode}", "/dev/stdin", path, stdin=textwrap.dedent(text))

    def close(self) -> None:
        """Switch it off."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        for root in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified"):
            for each in sorted(Path(root, self._name).rglob("*/"), reverse=True):
                each.rmdir()
            if Path(root, self._name).is_dir():
                Path(root, self._name).rmdir()

    def _inside(self) -> tuple[str, ...]:
        return ("nsenter", f"--target={self._pid}", "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup")

    def _journal(self) -> str:
        if not hasattr(self, "_pid"):
            return ""
        line = (*self._inside(), "journalctl", "-b", "-n", "40", "--no-pager")
        return "\n" + subprocess.run(line, capture_output=True, text=True, check=False).stdout

    def _wait_for_init(self) -> int:
        """Find the process that is PID 1 in there."""
        for _ in self._while_it_lives():
            for each in _below(self._process.pid):
                status = Path(f"/proc/{each}/status").read_text()
                if "\nNSpid:" in status and status.partition("\nNSpid:")[2].split("\n")[0].split()[1:] == [
                    "1"
                ]:
                    return each
        raise AssertionError(self._console.read_text())

    def _wait_for_boot(self) -> None:
        for _ in self._while_it_lives():
            if self.run("systemctl", "is-active", "basic.target", ok=False).stdout.strip() == "active":
                return
        raise AssertionError(self._console.read_text())

    def _while_it_lives(self) -> Iterator[None]:
        end = time.monotonic() + BOOT_SECONDS
        while self._process.poll() is None and time.monotonic() < end:
            yield
            time.sleep(0.1)


def _below(pid: int) -> Iterator[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for each in map(int, children):
        yield each
        yield from _below(each)


def _binds() -> list[str]:
    """Show the interpreter, what is installed for it, and renewd itself, under a path that every service may see."""
    packages = next(path for path in sys.path if path.endswith("site-packages"))
    pairs = {sys.base_prefix: "python", packages: "packages", str(SOURCES): "daemon", str(UNITS): "units"}
    return [f"--bind-ro={here}:/opt/renewd/{there}" for here, there in pairs.items()]


@contextmanager
def machine(tree: Path) -> Iterator[Machine]:
    """A machine over the files in `tree` with renewd installed in it, for the length of a `with`."""
    with tempfile.TemporaryDirectory(prefix="renewd-machine-") as folder:
        made = Machine(Path(folder), tree)
        try:
            _install(made)
            yield made
        finally:
            made.close()


def _install(made: Machine) -> None:
    made.write(
        "/usr/bin/renewd",
        f"""\
        #!/bin/sh
        export PYTHONPATH=/opt/renewd/daemon:/opt/renewd/packages
        exec {" ".join(PYTHON)} -P -m renewd "$@"
        """,
        "0755",
    )
    made.run("sh", "-c", "cp /opt/renewd/units/*.service /opt/renewd/units/*.timer /usr/lib/systemd/system/")
    made.run("systemd-sysusers", "/opt/renewd/units/renewd.sysusers")
    made.run("systemd-tmpfiles", "--create", "/opt/renewd/units/renewd.tmpfiles")
    made.run("systemctl", "daemon-reload")
