"""The drop-in of systemd/README.md that lets the daemon speak to certain addresses only."""

import re
from collections.abc import Iterator

import pytest

from tests.service.daemon import until
from tests.service.town import due
from tests.systemd.machine import PYTHON, UNITS
from tests.systemd.shop import Shop

pytestmark = pytest.mark.usefixtures("_asked")

ADDRESSES = "127.0.0.1", "192.0.2.10", "198.51.100.7", "198.51.100.53"
PORT = 8490
CONNECT = f"""\
#!/bin/sh
# In the cgroup $2 if one is given, for that is what systemd filters, connect to the address $1.
[ -z "$2" ] || echo $$ >"/sys/fs/cgroup$2/cgroup.procs" || exit
exec {" ".join(PYTHON)} -c 'import socket, sys; socket.create_connection((sys.argv[1], {PORT}), 2)' "$1"
"""
DROP_IN = re.compile(r"^\[Service\]\nIPAddressDeny=any\nIPAddressAllow=.*\n", re.MULTILINE)


@pytest.fixture
def listening(shop: Shop) -> Iterator[Shop]:
    """Give the machine addresses of other machines, and somebody who answers at each."""
    for each in ADDRESSES[1:]:
        shop.machine.run("ip", "address", "replace", f"{each}/32", "dev", "lo")
    shop.machine.write("/usr/local/bin/connect", CONNECT, "0755")
    served = (*PYTHON, "-m", "http.server", str(PORT))
    shop.machine.run("systemd-run", "--quiet", "--collect", "--unit=listener", *served)
    until(lambda: reaches(shop, "127.0.0.1"), "the listener")
    if reaches(shop, "127.0.0.1", "--property=IPAddressDeny=any"):
        pytest.skip("the kernel does not let a container filter by BPF")
    yield shop
    shop.machine.run("systemctl", "stop", "listener")


def reaches(shop: Shop, address: str, *properties: str, within: str = "") -> bool:
    """Say whether a process with such properties, or one that is put into a cgroup, can connect to an address."""
    words = ("systemd-run", "--quiet", "--pipe", "--wait", "--collect", *properties)
    return not shop.machine.run(*words, "connect", address, within, ok=False).returncode


def test_it_speaks_to_those_that_are_allowed_and_to_nobody_else(listening: Shop) -> None:
    (drop_in,) = DROP_IN.findall((UNITS / "README.md").read_text())
    listening.systemctl("start")
    daemon = listening.show("ControlGroup")
    assert [each for each in ADDRESSES if not reaches(listening, each, within=daemon)] == []
    listening.drop_in(drop_in)
    listening.systemctl("restart")
    assert [each for each in ADDRESSES if not reaches(listening, each, within=daemon)] == ["198.51.100.7"]
    listening.subscribe([due(1)])
    until(lambda: listening.extended() == 1, "a renewal by providers that are allowed")
