"""Joining over HTTPS: the code's life, who is believed, and what stands in the journal afterwards."""

from __future__ import annotations

import json
import socket
import ssl
import stat
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from firmware_agent import enrolment
from firmware_agent.enrolment import EnrolmentError
from firmware_agent.renewal import Enrolment, read_enrolment
from hub.enrol import broker
from hub.enrol.ca import CaError, make_ca, open_ca
from hub.enrol.limits import IN_ALL, PER_SENDER, WINDOW_MS, Limits
from hub.enrol.office import init
from hub.enrol.registry import RefusedError
from hub.tables import enrolment_codes
from journal import journal
from journal.database import read
from protocol.enrolment import Code, new_code
from tests.support.tls import County


class Hub(County):
    """A county without a broker, whose hub's clock can be put forward."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, broker_reload=["true"])

    def join(self, code: Code, device: str = "pi-1", site: str = "east-gate") -> Enrolment:
        """Join as a Pi does."""
        folder = self.folder / device / "tls"
        return enrolment.join(folder, site, device, "127.0.0.1", self.endpoint.port, code)

    def entries(self) -> list[str]:
        """Types and subjects of the journal."""
        with read(self.office.database) as conn:
            found = journal.entries(conn, types="enrolment.")
            return [f"{each.type.removeprefix('enrolment.')} {each.subject}" for each in found]


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """A hub with an endpoint."""
    one = Hub(tmp_path)
    yield one
    one.close()


def test_a_code_brings_a_certificate_whose_key_never_left_the_pi(hub: Hub) -> None:
    """Files with their rights; in the database neither key nor code; each step in the journal."""
    code, _ = hub.office.new_code("pi-1", None, "li")
    done = hub.join(code)
    assert done.name == "pi-1:1"
    folder = hub.folder / "pi-1" / "tls"
    assert stat.S_IMODE((folder / "device.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert read_enrolment(folder) == done
    assert hub.entries() == ["code pi-1", "used pi-1", "issued pi-1"]
    kept = b"".join(path.read_bytes() for path in hub.settings.state_dir.glob("hub.db*"))
    assert code.secret.encode() not in kept
    secret = (folder / "device.pem").read_bytes().splitlines()[1]
    everything = [path for path in hub.settings.state_dir.rglob("*") if path.is_file()]
    assert all(secret not in path.read_bytes() for path in everything)


def test_a_code_serves_once(hub: Hub) -> None:
    """The second to come is refused, and told why."""
    code, _ = hub.office.new_code("pi-1", None, "li")
    hub.join(code)
    with pytest.raises(EnrolmentError, match="was used already"):
        hub.join(code)
    assert hub.entries()[-1] == "refused pi-1"


def test_two_who_come_at_once_with_one_code(hub: Hub) -> None:
    """One of them gets a certificate."""
    code, _ = hub.office.new_code("pi-1", None, "li")
    done: list[object] = []

    def come(n: int) -> None:
        folder = hub.folder / f"race-{n}"
        try:
            port = hub.endpoint.port
            done.append(enrolment.join(folder, "east-gate", "pi-1", "127.0.0.1", port, code))
        except EnrolmentError:
            pass

    threads = [threading.Thread(target=come, args=(n,)) for n in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(done) == 1
    assert len(hub.office.held()) == 1


def test_a_code_ends_after_an_hour_and_with_the_next_one(hub: Hub) -> None:
    """Nobody finds an old note by the fridge and enrols with it."""
    first, _ = hub.office.new_code("pi-1", None, "li")
    second, expires = hub.office.new_code("pi-1", None, "li")
    with pytest.raises(EnrolmentError, match="has expired"):
        hub.join(first)
    hub.later_ms = expires - hub.clock.now_ms() + 1
    with pytest.raises(EnrolmentError, match="has expired"):
        hub.join(second)


@pytest.mark.parametrize(("device", "site"), [("pi-2", "east-gate"), ("pi-1", "clinic")])
def test_a_code_is_for_one_device_at_one_site(hub: Hub, device: str, site: str) -> None:
    """And it is not used up by one that has no right to it."""
    code, _ = hub.office.new_code("pi-1", None, "li")
    with pytest.raises(EnrolmentError, match="is for another device"):
        hub.join(code, device, site)
    assert hub.join(code).name == "pi-1:1"


def test_no_code_for_a_device_that_nobody_set_up(hub: Hub) -> None:
    """A slip in the name is found before anybody climbs a ladder with the code."""
    with pytest.raises(RefusedError, match=r"not in the hub's settings.*pi-1, pi-2, pi-3"):
        hub.office.new_code("pi-9", None, "li")


def test_who_guesses_is_stopped_and_the_journal_does_not_grow(hub: Hub) -> None:
    """Ten tries, then silence for ten minutes; a good code is refused in that time as well."""
    for _ in range(PER_SENDER):
        with pytest.raises(EnrolmentError, match="no such code"):
            hub.join(new_code(hub.office.ca.der))
    code, _ = hub.office.new_code("pi-1", None, "li")
    for _ in range(5):
        with pytest.raises(EnrolmentError, match="too many wrong tries; wait ten minutes"):
            hub.join(code)
    assert hub.entries().count("refused pi-1") == PER_SENDER
    hub.later_ms = WINDOW_MS + 1
    assert hub.join(code).name == "pi-1:1"


def test_limits_are_per_address_and_in_all() -> None:
    """A county behind one address shares its tries; a flood from many addresses ends too."""
    limits = Limits()
    for n in range(IN_ALL):
        assert limits.may_try(f"10.0.{n // 9}.1", 0)
        limits.wrong(f"10.0.{n // 9}.1", 0)
    assert not limits.may_try("10.9.9.9", 0)
    assert limits.may_try("10.9.9.9", WINDOW_MS)


def test_the_code_is_told_to_nobody_but_its_own_hub(tmp_path: Path, hub: Hub) -> None:
    """Another hub on the way, with a certificate for the same address, hears not one letter of it."""
    (tmp_path / "other").mkdir()
    other = Hub(tmp_path / "other")
    heard: list[str] = []
    use = other.office.join
    other.office.join = lambda *a: heard.append("it") or use(*a)  # type: ignore[func-returns-value,method-assign]
    code, _ = hub.office.new_code("pi-1", None, "li")
    with pytest.raises(EnrolmentError, match="not the hub that made this code; nothing was told"):
        other.join(code)
    assert heard == []
    other.close()


def test_a_man_in_the_middle_who_shows_our_ca_cannot_speak_for_it(hub: Hub, tmp_path: Path) -> None:
    """The CA's certificate is no secret; its key is what counts, on the second connection."""
    (tmp_path / "middle").mkdir()
    middle = Hub(tmp_path / "middle")
    object.__setattr__(middle.office.ca, "certificate", hub.office.ca.certificate)
    code, _ = hub.office.new_code("pi-1", None, "li")
    with pytest.raises(EnrolmentError, match="not from the CA"):
        middle.join(code)
    middle.close()


def test_a_renewed_certificate_and_the_old_one_count_until_it_is_confirmed(hub: Hub) -> None:
    """Whatever is cut in between, one of them works; afterwards only the new one does."""
    code, _ = hub.office.new_code("pi-1", None, "li")
    hub.join(code)
    folder = hub.folder / "pi-1" / "tls"
    old = (folder / "device.pem").read_bytes()
    renewed = enrolment.renew(folder)
    assert (renewed.name, renewed.confirmed) == ("pi-1:2", False)
    assert [each.revoked_at is None for each in hub.office.held()] == [True, True]
    rights = (hub.settings.state_dir / "broker" / "rights").read_text()
    assert "user pi-1:1" in rights
    assert "user pi-1:2" in rights
    enrolment.confirm(folder)
    assert read_enrolment(folder) == renewed._replace(confirmed=True)
    assert [each.cause for each in hub.office.held()] == ["replaced", None]
    rights = (hub.settings.state_dir / "broker" / "rights").read_text()
    assert "user pi-1:1" not in rights
    (folder / "device.pem").write_bytes(old)
    with pytest.raises(EnrolmentError, match="was replaced by a later one"):
        enrolment.renew(folder)
    assert hub.entries()[2:5] == ["issued pi-1", "renewed pi-1", "replaced pi-1"]


def test_a_broker_that_did_not_reload_keeps_the_old_certificate_in_place(hub: Hub) -> None:
    """With the new one the device would be let in without any right."""
    code, _ = hub.office.new_code("pi-1", None, "li")
    hub.join(code)
    folder = hub.folder / "pi-1" / "tls"
    before = (folder / "device.pem").read_bytes()
    command = hub.office.settings.enrolment.broker_reload
    assert command is not None
    command[:] = ["false"]
    with pytest.raises(EnrolmentError, match="the broker did not read its files again"):
        enrolment.renew(folder)
    assert (folder / "device.pem").read_bytes() == before
    assert len(hub.office.held()) == 1, "nothing is signed for nobody, hour by hour"


def test_who_is_revoked_cannot_renew_and_enrols_with_a_new_code(hub: Hub) -> None:
    """A stolen Pi stays out; the same name on a new card comes in."""
    code, _ = hub.office.new_code("pi-1", None, "li")
    hub.join(code)
    unused, _ = hub.office.new_code("pi-1", None, "li")
    hub.office.revoke("pi-1", "stolen", "li")
    with pytest.raises(EnrolmentError, match="was revoked"):
        enrolment.renew(hub.folder / "pi-1" / "tls")
    with pytest.raises(EnrolmentError, match="has expired"):
        hub.join(unused)
    code, _ = hub.office.new_code("pi-1", None, "li")
    assert hub.join(code).name == "pi-1:2"


def test_enrolling_anew_ends_what_was_before(hub: Hub) -> None:
    """A card was lost: whoever finds it has nothing."""
    for _ in range(2):
        code, _ = hub.office.new_code("pi-1", None, "li")
        hub.join(code)
    assert [each.cause for each in hub.office.held()] == ["replaced", None]


def test_a_device_that_moves_has_the_rights_of_its_new_site_alone(hub: Hub) -> None:
    """The certificate stays: where a device stands is the hub's word."""
    code, _ = hub.office.new_code("pi-1", None, "li")
    hub.join(code)
    file = hub.settings.state_dir / "broker" / "rights"
    assert "topic write coldwatch/1/east-gate/pi-1/records" in file.read_text()
    east, clinic = hub.settings.sites
    moved = [
        east.model_copy(update={"devices": ["pi-2"]}),
        clinic.model_copy(update={"devices": ["pi-1", "pi-3"]}),
    ]
    hub.office.settings = hub.settings.model_copy(update={"sites": moved})
    hub.office.refresh()
    assert "topic write coldwatch/1/clinic/pi-1/records" in file.read_text()
    assert "east-gate" not in file.read_text()


def test_by_hand_without_any_way_to_the_hub(hub: Hub) -> None:
    """Request and certificate travel on a stick; the key stays where it was made."""
    folder = hub.folder / "pi-1" / "tls"
    request = enrolment.begin_by_hand(folder, "pi-1")
    given = hub.office.sign("pi-1", request, "li")
    other = hub.office.sign("pi-2", enrolment.make_request("pi-2")[1], "li")
    with pytest.raises(EnrolmentError, match="for another key than ours"):
        enrolment.accept_by_hand(folder, other.certificate + other.ca)
    with pytest.raises(EnrolmentError, match="not what `coldwatch enroll sign` wrote"):
        enrolment.accept_by_hand(folder, b"shopping list")
    done = enrolment.accept_by_hand(folder, given.certificate + given.ca)
    assert (done.name, done.hub) == ("pi-1:1", None)
    assert not (folder / "request.key").exists()


@pytest.mark.parametrize("csr", ["", "x" * 15_000, "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n"])
def test_a_request_that_is_none_uses_no_code_up(hub: Hub, csr: str) -> None:
    """The transaction of a refusal leaves nothing but its journal entry."""
    code, _ = hub.office.new_code("pi-1", None, "li")
    status, answer = post(
        hub, "/join", {"code": str(code), "site": "east-gate", "device": "pi-1", "csr": csr}
    )
    assert status == 403
    assert "no certificate request" in answer["error"]
    with read(hub.office.database) as conn:
        assert conn.execute(enrolment_codes.select()).one().used_at is None


def test_a_key_of_another_kind_is_refused(hub: Hub) -> None:
    """RSA of 512 bits would be a gift to others."""
    made = subprocess.run(
        ["openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", "/dev/null",
         "-subj", "/CN=hub:0"], capture_output=True, check=True,
    )  # fmt: skip
    with pytest.raises(RefusedError, match="not ECDSA P-256"):
        hub.office.sign("pi-1", made.stdout, "li")


@pytest.mark.parametrize("path", ["/join", "/renew", "/confirm"])
def test_nonsense_is_refused_in_one_line(hub: Hub, path: str) -> None:
    """And the endpoint lives on."""
    for body in ["[]", "{", "[" * 9_000, '"x"', "\x00", "{}"]:
        status, answer = post(hub, path, body)
        assert status == 403
        assert "\n" not in answer["error"]


def test_who_holds_connections_open_keeps_nobody_out(hub: Hub) -> None:
    """Twenty who connect and say nothing, and one who enrols."""
    silent = [socket.create_connection(("127.0.0.1", hub.endpoint.port)) for _ in range(20)]
    code, _ = hub.office.new_code("pi-1", None, "li")
    assert hub.join(code).name == "pi-1:1"
    for each in silent:
        each.close()


def post(hub: Hub, path: str, body: Any) -> tuple[int, Any]:
    """Send a body as it is."""
    import http.client

    context = ssl.create_default_context(cafile=hub.settings.state_dir / "broker" / "ca.crt")
    port = hub.endpoint.port
    link = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=10)
    link.request("POST", path, body if isinstance(body, str) else json.dumps(body))
    answer = link.getresponse()
    text = answer.read()
    link.close()
    return answer.status, json.loads(text)


def test_a_clock_in_1970_sees_valid_certificates(hub: Hub) -> None:
    """Every check on, at 2 January 1970: OpenSSL's own verification of the broker's certificate."""
    folder = hub.settings.state_dir / "broker"
    done = subprocess.run(
        ["openssl", "verify", "-attime", "86400", "-purpose", "sslserver", "-verify_ip",
         "127.0.0.1", "-CAfile", folder / "ca.crt", folder / "server.pem"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_files_of_our_own_are_made_anew_only_in_time(hub: Hub) -> None:
    """A reload each day, and a new certificate after two thirds of its life, or for a new name."""
    server = hub.settings.state_dir / "broker" / broker.SERVER_FILE
    before = server.read_bytes()
    hub.office.refresh()
    assert server.read_bytes() == before
    hub.settings.enrolment.names.append("10.8.0.1")
    hub.office.refresh()
    named = server.read_bytes()
    assert named != before
    hub.later_ms = 500 * 86_400_000
    hub.office.refresh()
    assert server.read_bytes() != named


def test_a_second_ca_is_refused_and_a_passphrase_is_needed_where_there_is_one(
    tmp_path: Path, hub: Hub
) -> None:
    """A second CA would lock every device out without a word."""
    with pytest.raises(CaError, match="there already"):
        init(hub.settings, 0)
    make_ca(tmp_path / "locked", "x", b"secret", hub.now())
    assert open_ca(tmp_path / "locked", b"secret").pem
    with pytest.raises(CaError, match="has a passphrase"):
        open_ca(tmp_path / "locked", None)
    with pytest.raises(CaError, match="wrong passphrase"):
        open_ca(tmp_path / "locked", b"guess")
    assert stat.S_IMODE((tmp_path / "locked" / "ca.key").stat().st_mode) == 0o600


def test_a_passphrase_in_a_credential_serves_init_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service that the credential is for cannot run before there is a CA."""
    from hub.enrol import office
    from tests.support.county import hub_settings

    monkeypatch.setattr(office, "_SECRETS", tmp_path)
    (tmp_path / "ca-passphrase").write_bytes(b"a long one\n")
    credential = "/run/credentials/coldwatch-enroll.service/ca-passphrase"
    settings = hub_settings(tmp_path / "hub", enrolment={"passphrase_file": credential})
    init(settings, 1_800_000_000_000)
    with pytest.raises(CaError, match="has a passphrase"):
        open_ca(tmp_path / "hub" / "ca", None)
    open_ca(tmp_path / "hub" / "ca", b"a long one")
    (tmp_path / "ca-passphrase").unlink()
    with pytest.raises(CaError, match=f"passphrase_file {tmp_path}/ca-passphrase"):
        init(settings, 1_800_000_000_000)


def test_what_a_stranger_sends_reaches_the_log_spelt_out(
    hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    """A person reads the log on a terminal, and that obeys escape characters."""
    blind = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    blind.check_hostname = False
    blind.verify_mode = ssl.CERT_NONE
    with (
        caplog.at_level("INFO"),
        socket.create_connection(("127.0.0.1", hub.endpoint.port), 10) as raw,
        blind.wrap_socket(raw) as line,
    ):
        line.sendall(b"GET /\x1b[2Jgone HTTP/1.0\r\n\r\n")
        while line.recv(4096):
            pass
    assert "[2Jgone" in caplog.text
    assert "\x1b" not in caplog.text


def test_a_code_is_not_lost_where_the_broker_does_not_hear_of_it(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It serves once: the certificate is given, and what a person has to do is said."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    code, _ = hub.office.new_code("pi-1", None, "li")
    monkeypatch.setattr(broker, "write_files", full)
    assert hub.join(code).name == "pi-1:1"
    assert "the hub says: the broker's files cannot be written" in capsys.readouterr().err
    with pytest.raises(EnrolmentError, match="No space left"):
        enrolment.renew(hub.folder / "pi-1" / "tls")
