"""Addresses, secrets and rates of renewd.yaml; where its state is."""

from pathlib import Path

import pytest

from renewd.adapters.configuration import load_configuration
from renewd.addresses import Listen, a_database, a_host, a_sender, an_api_base, an_email
from renewd.secret import Secret
from renewd.setting_values import Rate
from renewd.state import state_directory
from tests.config.files import POLICY, SETTINGS, complaints, rendered

GOOD_BASES = [
    "https://api.stripe.com",
    "http://127.0.0.1:8480",
    "http://localhost:1/v1",
    "http://[::1]:80",
    "https://192.0.2.7",
]
BAD_BASES = [
    "api.stripe.com",
    "ftp://example.com",
    "https://",
    "http://example.com",
    "http://127.0.0.2",
    "https://user:pw@example.com",
    "https://u:p@127.0.0.1@evil.example",
    "https://example.com?x=1",
    "https://example.com#x",
    "https://2130706433",
    "https://0x7f000001",
    "https://127.1",
    "https://[::ffff:1",
    "https://169.254.169.254",
    "https://[fe80::1]",
    "https://0.0.0.0",
    "https://example.com:99999",
    "https://example.com:0",
    "https://exa mple.com",
    "https://exämple.com",
    "https://-example.com",
    "https://example..com",
    "https://example.com\\@evil",
    "https://example.com\r\nX: y",
]


@pytest.mark.parametrize("text", GOOD_BASES)
def test_an_address_of_an_api_is_taken_without_its_last_slash(text: str) -> None:
    assert an_api_base(f"{text}/") == text


@pytest.mark.parametrize("text", BAD_BASES)
def test_an_address_that_leads_elsewhere_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        an_api_base(text)


@pytest.mark.parametrize("text", ["", "smtp example", "a/b", "x" * 254, "127.1"])
def test_a_host_must_be_one(text: str) -> None:
    with pytest.raises(ValueError):
        a_host(text)


@pytest.mark.parametrize("text", ["", "a", "a@", "@b", "a b@c", "a@b\nBcc: x@y", "a@b,c@d", "<a@b>", "a@b@c"])
def test_an_email_address_must_be_one(text: str) -> None:
    with pytest.raises(ValueError, match="not an e-mail address"):
        an_email(text)


def test_a_sender_may_have_a_name() -> None:
    assert a_sender("Example Mobile <renewals@example.com>")
    with pytest.raises(ValueError):
        a_sender("Example\nBcc: x <renewals@example.com>")


@pytest.mark.parametrize(
    "text",
    [
        "sqlite:///renewd.db",
        "sqlite:////srv/renewd.db",
        "postgresql:///renewd",
        "postgresql://renewd@db.example.com:5433/renewd?sslmode=verify-full",
        "postgresql:///renewd?host=/run/postgresql",
    ],
)
def test_a_database_is_a_file_of_sqlite_or_a_postgresql(text: str) -> None:
    assert a_database(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "mysql://h/d",
        "postgresql:///",
        "postgresql://db.example.com",
        "postgresql://u:p@h/d",
        "postgres://h/d",
        "postgresql:///d?password=p",
        "x.db",
    ],
)
def test_a_database_that_could_not_be_used_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        a_database(text)


@pytest.mark.parametrize("text", ["25", "0/s", "25/d", "-1/s", "1.5/s", "25 /s", ""])
def test_a_rate_has_a_unit(text: str) -> None:
    with pytest.raises(ValueError, match="not a rate"):
        Rate.parse(text)
    assert str(Rate.parse("300/m")) == "300/m"


KEYS = {
    "a sandbox key": ("sk_test_1", "https://api.stripe.com", ""),
    "any key at the sandbox": ("whatever", "http://127.0.0.1:8480", ""),
    "a reference": ('"{credential stripe_key}"', "https://api.stripe.com", ""),
    "a plain key": ("abc", "https://api.stripe.com", "a key in plain text; write"),
    "a live key": ("sk_live_1", "https://api.stripe.com", "a live key in plain text; revoke it, then write"),
    "a live key at the sandbox": (
        "rk_live_1",
        "http://127.0.0.1:8480",
        "a live key in plain text; revoke it, then write",
    ),
    "an unquoted reference": ("{env KEY}", "https://api.stripe.com", "must be written as text; write e.g."),
    "an unknown reference": ('"{vault KEY}"', "https://api.stripe.com", "not a secret; write"),
    "a relative file": ('"{file key}"', "https://api.stripe.com", "does not name one; write"),
    "a credential outside of its folder": (
        '"{credential ../x}"',
        "https://api.stripe.com",
        "does not name one; write",
    ),
}


@pytest.mark.parametrize(("key", "base", "complaint"), KEYS.values(), ids=KEYS)
def test_a_key_is_given_by_where_it_is(tmp_path: Path, key: str, base: str, complaint: str) -> None:
    found = complaints(
        tmp_path, SETTINGS.replace("api_key: sk_test_1", f'api_base: "{base}", api_key: {key}')
    )
    assert [complaint in each for each in found] == ([True] if complaint else [])


def test_a_secret_is_read_from_a_file_that_only_we_can_read(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("sk_live_1\n")
    secret = Secret.parse(f"{{file {file}}}")
    file.chmod(0o644)
    with pytest.raises(ValueError, match="can be read by others; chmod 600"):
        secret.reveal({})
    file.chmod(0o600)
    assert secret.reveal({}) == "sk_live_1"


def test_a_file_among_the_credentials_is_guarded_by_its_folder(tmp_path: Path) -> None:
    """Systemd lets the service read them through an access list, which looks like a right of the group."""
    credentials, elsewhere = tmp_path / "credentials", tmp_path / "key"
    credentials.mkdir()
    (credentials / "key").write_text("sk_live_1")
    elsewhere.write_text("sk_live_1")
    (credentials / "key").chmod(0o440)
    elsewhere.chmod(0o440)
    environ = {"CREDENTIALS_DIRECTORY": str(credentials)}
    assert Secret.parse(f"{{file {credentials}/key}}").reveal(environ) == "sk_live_1"
    with pytest.raises(ValueError, match=f"chmod 600 {credentials}/../key"):
        Secret.parse(f"{{file {credentials}/../key}}").reveal(environ)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is not set"),
        (b"a\nb", "more than one line"),
        (b"\xff", "is not text"),
        (None, "is not among the credentials of this unit"),
    ],
)
def test_a_secret_that_is_none_is_named_and_not_shown(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    if content is not None:
        (tmp_path / "key").write_bytes(content)
    with pytest.raises(ValueError, match=reason) as caught:
        Secret.parse("{credential key}").reveal({"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert "key" in str(caught.value)


def test_a_secret_shows_where_it_is_and_never_what_it_is() -> None:
    plain, reference = Secret.parse("sk_test_1"), Secret.parse("{env RENEWD_KEY}")
    assert "sk_test_1" not in f"{plain} {plain!r} {[plain]}"
    assert str(reference) == "{env RENEWD_KEY}"
    assert reference.reveal({"RENEWD_KEY": "x"}) == "x"


MAIL = "host: smtp.example.com, sender: a@example.com"
SMTP = {
    "a reference": (f"{MAIL}, username: u, password: '{{env P}}'", ""),
    "nobody": (MAIL, ""),
    "a plain password": (f"{MAIL}, username: u, password: p", "a password in plain text; write"),
    "a user without a password": (f"{MAIL}, username: u", "username and password go together"),
    "no encryption": (f"{MAIL}, security: none", "none is for a mail server on this machine"),
    "no encryption at home": ("host: localhost, security: none, sender: a@example.com", ""),
    "a port too high": (f"{MAIL}, port: 65536", "must be at most 65535"),
}


@pytest.mark.parametrize(("mail", "complaint"), SMTP.values(), ids=SMTP)
def test_a_mail_server_is_spoken_to_safely(tmp_path: Path, mail: str, complaint: str) -> None:
    lines = [
        f"  email: {{kind: smtp, {mail}}}" if "email:" in each and "kind" in each else each
        for each in SETTINGS.split("\n")
    ]
    found = complaints(tmp_path, "\n".join(lines))
    assert [complaint in each for each in found] == ([True] if complaint else [])


@pytest.mark.parametrize(
    ("database", "environ", "url"),
    [
        ("sqlite:///renewd.db", {}, "sqlite:///{folder}/var/renewd.db"),
        (
            "sqlite:///renewd.db",
            {"STATE_DIRECTORY": "/var/lib/renewd:/x"},
            "sqlite:////var/lib/renewd/renewd.db",
        ),
        ("sqlite:////srv/renewd.db", {}, "sqlite:////srv/renewd.db"),
        ("'{env DB}'", {"DB": "postgresql://u:p@h/d"}, "postgresql://u:p@h/d"),
    ],
)
def test_the_database_is_in_the_state_directory(
    tmp_path: Path, database: str, environ: dict[str, str], url: str
) -> None:
    assert complaints(tmp_path, SETTINGS.replace("sqlite:///renewd.db", database), POLICY) == []
    configuration = load_configuration(tmp_path / "renewd.yaml")
    assert configuration.database_url(environ) == url.format(folder=tmp_path)


def test_whoever_reads_the_installed_configuration_finds_the_database_of_the_service() -> None:
    assert state_directory(Path("/etc/renewd"), {}) == Path("/var/lib/renewd")
    assert state_directory(Path("/etc/renewd"), {"STATE_DIRECTORY": "/srv"}) == Path("/srv")


@pytest.mark.parametrize(
    "text", ["127.0.0.1:9464", "localhost:1", "[::1]:65535", "0.0.0.0:80", "node-7.internal:9464"]
)
def test_where_to_listen_is_a_host_and_a_port(text: str) -> None:
    assert str(Listen.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "9464",
        ":9464",
        "127.0.0.1",
        "127.0.0.1:0",
        "127.1:80",
        "a:b",
        "u@127.0.0.1:80",
        "127.0.0.1:80/x",
        "::1:80",
        "h:1?x",
    ],
)
def test_what_is_no_host_and_port_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Listen.parse(text)


def test_a_heartbeat_says_what_is_wrong_and_keeps_its_address_to_itself(tmp_path: Path) -> None:
    text = f"{SETTINGS}heartbeat:\n  url: http://hc.example/canary\n  every: 1s\n"
    found = rendered(tmp_path, text, POLICY)
    assert any("heartbeat.url: must be https" in each for each in found)
    assert any("heartbeat.every: must be from 10s to 1d" in each for each in found)
    assert "canary" not in "".join(found)


def test_where_spans_go_is_an_address_and_what_is_misspelt_beside_it_is_not_shown(tmp_path: Path) -> None:
    text = f"{SETTINGS}traces:\n  endpoint: http://collector.example:4318\n  headers: canary\n"
    found = rendered(tmp_path, text, POLICY)
    assert any("traces.endpoint: must be https" in each for each in found)
    assert any("traces.headers" in each for each in found)
    assert "canary" not in "".join(found)
