"""The Debian package: what is in it, and its whole life on a machine with a real systemd."""

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

from renewd import __version__
from renewd.adapters.store.connect import HEAD
from tests.docs.test_docs import LINK, dead
from tests.packaging.conftest import without
from tests.service.daemon import until
from tests.service.town import due
from tests.systemd.machine import PYTHON, Machine, lacking
from tests.systemd.shop import Shop

UNITS = {path.name for path in Path("systemd").glob("renewd*.[st]*") if path.suffix in (".service", ".timer")}
AUDITED = "SELECT * FROM audit_log ORDER BY sequence"
# Where a package or its service may leave something; credentials are the administrator's.
LOOKED_IN = ("/etc", "/usr", "/var", "/run/systemd", "/lib/systemd")
# A copy of this machine's files in memory, in which nothing of systemd is running or can be asked.
WITHOUT_SYSTEMD = """
mount -t tmpfs none "$1"
mkdir "$1/up" "$1/work" "$1/root"
mount -t overlay none -o "lowerdir=/,upperdir=$1/up,workdir=$1/work" "$1/root"
mount -t tmpfs none "$1/root/run"
rm -f "$1/root/bin/systemctl" "$1/root/bin/systemd-sysusers" "$1/root/bin/systemd-tmpfiles"
cp "$2" "$1/root/renewd.deb"
for each in 1 2; do chroot "$1/root" dpkg --install /renewd.deb >&2; done
chroot "$1/root" renewd --version
chroot "$1/root" stat --format="%a %U:%G" /etc/renewd
echo paid >"$1/root/var/lib/renewd/ledger"
mv "$1/root/var/backups" "$1/root/var/aside" && touch "$1/root/var/backups"
chroot "$1/root" sh /var/lib/dpkg/info/renewd.postrm purge >&2
cat "$1/root/var/lib/renewd/ledger"
rm "$1/root/var/backups" && mv "$1/root/var/aside" "$1/root/var/backups"
chroot "$1/root" dpkg --purge renewd >&2
chroot "$1/root" dpkg --purge renewd >&2
[ ! -e "$1/root/etc/renewd" ] && [ ! -e "$1/root/var/lib/renewd" ] && echo purged
"""


def control(folder: Path) -> dict[str, str]:
    text = (folder / "DEBIAN/control").read_text()
    return dict(line.split(": ", 1) for line in text.splitlines() if ": " in line and line[0] != " ")


def install(machine: Machine, package: Path, *options: str) -> str:
    """Hand the package over by way of the standard input, and install it."""
    there = f"/root/{package.name}"
    coded = base64.b64encode(package.read_bytes()).decode()
    machine.run("sh", "-c", f"base64 -d >{there}", stdin=coded)
    done = machine.run("dpkg", *options, "--install", there)
    return done.stdout + done.stderr


def modes(machine: Machine, *paths: str) -> list[str]:
    return machine.run("stat", "--format=%a %U:%G %n", *paths).stdout.splitlines()


def test_it_says_what_it_needs_and_which_files_are_the_administrators(unpacked: Path) -> None:
    said = control(unpacked)
    assert said["Package"] == "renewd"
    assert said["Version"].startswith(f"{__version__}+py3.")
    assert f"python{said['Version'].partition('+py')[2]}, " in said["Depends"]
    assert (unpacked / "DEBIAN/conffiles").read_text().split() == [
        "/etc/logrotate.d/renewd",
        "/etc/renewd/policy.yaml",
        "/etc/renewd/renewd.yaml",
    ]


def test_it_brings_units_users_pages_and_completions(unpacked: Path) -> None:
    assert {path.name for path in (unpacked / "usr/lib/systemd/system").iterdir()} == UNITS
    for name in (
        "usr/bin/renewd",
        "usr/lib/sysusers.d/renewd.conf",
        "usr/lib/tmpfiles.d/renewd.conf",
        "usr/share/man/man1/renewd.1.gz",
        "usr/share/renewd/grafana/renewd.json",
        "usr/share/renewd/prometheus/renewd.rules.yaml",
        "usr/share/man/man5/policy.yaml.5.gz",
        "usr/share/doc/renewd/README.md",
        "usr/share/doc/renewd/CHANGELOG.md.gz",
        "usr/share/doc/renewd/docs/operating.md",
        "usr/share/bash-completion/completions/renewd",
    ):
        assert (unpacked / name).is_symlink() or (unpacked / name).is_file(), name


def test_who_is_paged_can_follow_every_link_of_the_guide(unpacked: Path) -> None:
    page = unpacked / "usr/share/doc/renewd/docs/operating.md"
    links = LINK.findall(page.read_text())
    assert len(links) > 20
    assert not [link for link in links if dead(page, link)]


def test_nothing_in_it_knows_where_it_was_built(unpacked: Path) -> None:
    here = str(Path.cwd())
    found = subprocess.run(
        ["grep", "--recursive", "--files-with-matches", here, unpacked], capture_output=True, check=False
    )
    assert not found.stdout


def test_it_comes_and_goes_where_there_is_no_systemd(package: Path, tmp_path: Path) -> None:
    without(lacking())
    words = ["unshare", "--mount", "sh", "-ec", WITHOUT_SYSTEMD, "sh", str(tmp_path), str(package)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-4:] == [
        f"renewd, version {__version__}",
        "750 root:renewd",
        "paid",  # no archive could be made, so it stays
        "purged",
    ]


def test_a_life_from_install_to_purge(bare: Machine, package: Path, newer: Path) -> None:
    told = install(bare, package)
    assert "nothing runs yet" in told
    assert bare.run("systemctl", "is-active", "renewd", ok=False).stdout.strip() == "inactive"
    assert bare.run("renewd", "--version").stdout.strip() == f"renewd, version {__version__}"
    assert modes(bare, "/etc/renewd", "/etc/renewd/renewd.yaml", "/var/lib/renewd") == [
        "750 root:renewd /etc/renewd",
        "640 root:renewd /etc/renewd/renewd.yaml",
        "700 renewd:renewd /var/lib/renewd",
    ]
    assert bare.run("runuser", "-u", "renewd", "--", "renewd", "check").returncode == 0

    bare.run("sh", "-c", "renewd sandbox --sample | renewd import -")
    assert modes(bare, "/var/lib/renewd/renewd.db") == ["600 renewd:renewd /var/lib/renewd/renewd.db"]
    bare.run("sh", "-c", "rm /var/lib/renewd/*")

    shop = Shop(bare)
    shop.systemctl("start")
    shop.subscribe([due(n) for n in range(3)])
    until(lambda: shop.extended() == 3, "the renewals")

    bare.run("systemctl", "enable", "renewd")
    examined = json.loads(bare.run("renewd", "doctor", "-o", "json").stdout)
    assert {(each["level"], each["about"]) for each in examined["findings"]} >= {
        ("ok", about) for about in ("installation", "units", "credentials", "database", "providers", "daemon")
    }
    assert not [each for each in examined["findings"] if each["level"] == "problem"]

    first = shop.show("MainPID")
    install(bare, newer)
    assert shop.show("ActiveState") == "active"
    assert shop.show("MainPID") != first
    assert shop.extended() == 3
    assert shop.ask("/sandbox/summary")["payment_intents"] == {"succeeded": 3}

    scripts = "/var/lib/dpkg/info/renewd"
    bare.run(f"{scripts}.prerm", "upgrade", "2000")
    assert shop.show("ActiveState") == "inactive"
    bare.run(f"{scripts}.postinst", "abort-upgrade", "2000")
    assert shop.show("ActiveState") == "active"

    shop.systemctl("stop")
    install(bare, newer)
    assert shop.show("ActiveState") == "inactive"  # whoever stopped it had a reason

    bare.run("dpkg", "--remove", "renewd")
    assert bare.run("ls", "/var/lib/renewd/renewd.db", "/etc/renewd/renewd.yaml").returncode == 0
    assert bare.run("ls", "/usr/lib/renewd", ok=False).returncode

    told = bare.run("dpkg", "--purge", "renewd").stdout
    assert "the ledger and the logs are kept in /var/backups/renewd-purged-" in told
    assert not bare.run(
        "sh", "-c", "ls -d /etc/renewd /var/*/renewd* /usr/*/renewd* | grep -v backups", ok=False
    ).stdout
    assert not bare.run("find", "/etc/systemd/system", "-name", "renewd*").stdout
    kept = bare.run("sh", "-c", "tar -tzf /var/backups/renewd-purged-*").stdout
    assert "lib/renewd/renewd.db" in kept.splitlines()
    assert bare.run("sh", "-c", "stat -c %a /var/backups/renewd-purged-*").stdout.strip() == "600"


def test_an_upgrade_brings_the_books_along(bare: Machine, older: Path, package: Path) -> None:
    """From a daemon at schema 0001 with renewals, and one charge in doubt, to this one."""
    install(bare, older)
    shop = Shop(bare)
    shop.drop_in("[Service]\nType=exec\nWatchdogSec=0\n")  # the daemon of then said nothing to systemd
    shop.systemctl("start")
    shop.subscribe([*(due(n) for n in range(20)), due(20, "pm_timeout_after_charge")])
    until(lambda: shop.extended() == 20 and shop.events("charge.unknown"), "the renewals")
    assert query(bare, "SELECT version_num FROM alembic_version") == [["0001"]]
    written = query(bare, AUDITED)
    edited = bare.run("cat", "/etc/renewd/renewd.yaml").stdout
    bare.run("rm", "-r", "/etc/systemd/system/renewd.service.d")
    first = shop.show("MainPID")

    install(bare, package, "--force-confold")
    assert (shop.show("ActiveState"), shop.show("NRestarts")) == ("active", "0")
    assert shop.show("MainPID") != first
    assert query(bare, "SELECT version_num FROM alembic_version") == [[HEAD]]
    assert query(bare, AUDITED)[: len(written)] == written
    assert bare.run("cat", "/etc/renewd/renewd.yaml").stdout == edited
    assert shop.extended() == 20
    assert shop.status()["in_doubt"] == 1
    shop.subscribe([due(21)])
    until(lambda: shop.extended() == 21, "one more")
    assert shop.ask("/sandbox/summary")["payment_intents"] == {"succeeded": 22}
    shop.systemctl("stop")  # which seals what is left
    assert "as it was sealed" in shop.renewd("audit", "verify")

    mine = ["/etc/renewd/other.yaml", "/etc/systemd/system/renewd.service.d/mine.conf"]
    for each in mine:
        bare.write(each, "# mine\n")
    bare.run(
        "install", "-d", "-o", "renewd", "/var/lib/renewd-a", "/var/log/renewd-a"
    )  # as renewd@a has them
    bare.run("dpkg", "--remove", "renewd")
    bare.run("dpkg", "--purge", "renewd")
    left = bare.run("find", *LOOKED_IN, "-xdev", "-path", "*renewd*", "-type", "f").stdout.split()
    assert sorted(each for each in left if "/renewd-purged-" not in each) == [
        "/etc/credstore/renewd.stripe_key",
        *mine,
    ]
    assert not bare.run("sh", "-c", "ls -d /var/*/renewd*/ /usr/*/*renewd*", ok=False).stdout


def query(machine: Machine, statement: str) -> list[list[Any]]:
    """Ask the database, as sqlite3 would."""
    code = "import json, sqlite3, sys; print(json.dumps(sqlite3.connect(sys.argv[1]).execute(sys.argv[2]).fetchall()))"
    answer = machine.run(*PYTHON, "-c", code, "/var/lib/renewd/renewd.db", statement)
    return list(json.loads(answer.stdout))
