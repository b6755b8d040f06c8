"""A hub's CA, its endpoint and a real mosquitto with TLS, all on loopback."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from config.clock import SystemClock
from firmware_agent.enrolment import make_request
from hub.enrol import broker
from hub.enrol.endpoint import Endpoint
from hub.enrol.office import Office, init
from protocol.tls import Tls
from tests.support.county import hub_settings
from tests.support.mosquitto import Mosquitto
from tests.support.ports import unused_port

SITES = [
    {
        "id": site,
        "name": {"zh": site, "en": site},
        "kind": "fixed",
        "devices": devices,
        "tell": ["li"],
        "assets": [{"id": "fridge-1", "name": {"zh": "1号", "en": "1"}}],
    }
    for site, devices in (("east-gate", ["pi-1", "pi-2"]), ("clinic", ["pi-3"]))
]


class TlsMosquitto(Mosquitto):
    """A mosquitto with the files that `coldwatch enroll` wrote, included as an installation does."""

    def __init__(self, folder: Path, included: Path, port: int) -> None:
        super().__init__(folder, port)
        self._included = included

    def settings(self) -> str:
        """Return what /etc/mosquitto/mosquitto.conf holds, and the included file."""
        own = f"user root\npersistence false\nlog_dest file {self.log}\nlog_type all\n"
        return own + self._included.read_text()

    def lines(self, word: str) -> int:
        """Return how many lines of its log have this word."""
        return sum(word in line for line in self.log.read_text().splitlines())


class County:
    """One hub with its CA, its endpoint and its broker; devices are folders."""

    def __init__(self, folder: Path, **enrolment: Any) -> None:
        self.folder = folder
        self.pid_file = folder / "mosquitto.pid"
        # Mosquitto reads again within its next turn of the loop; the log says when it has.
        reload = f"test ! -e {self.pid_file} || kill -HUP $(cat {self.pid_file})"
        self.enrolment = {
            "names": ["127.0.0.1"], "host": "127.0.0.1", "port": 0,
            "broker_port": unused_port(), "broker_group": "nobody-has-this",
            "broker_reload": ["sh", "-c", reload],
        } | enrolment  # fmt: skip
        self.settings = hub_settings(folder / "hub", sites=SITES, enrolment=self.enrolment)
        self.clock = SystemClock()
        # How far the hub's clock is put forward.
        self.later_ms = 0
        init(self.settings, self.now())
        self.office = Office(self.settings, self.now)
        assert self.office.refresh() == ""
        (folder / "mosquitto").mkdir()
        port = self.settings.enrolment.broker_port
        conf = broker.folder_of(self.settings) / broker.CONF_FILE
        self.broker = TlsMosquitto(folder / "mosquitto", conf, port)
        self.endpoint = Endpoint(self.office, self.now)

    def now(self) -> int:
        """The hub's clock."""
        return self.clock.now_ms() + self.later_ms

    def start(self) -> None:
        """Start the broker."""
        self.broker.start()
        self.pid_file.write_text(str(self.broker.pid))

    def close(self) -> None:
        """End everything."""
        self.endpoint.close()
        self.broker.stop()

    @property
    def hub_tls(self) -> Tls:
        """The hub's own files."""
        files = self.settings.state_dir / "tls"
        return Tls(str(files / "ca.crt"), str(files / "hub.pem"))

    def give(self, device: str) -> Tls:
        """Enrol a device by hand; return its files."""
        key, request = make_request(device)
        given = self.office.sign(device, request, "test")
        return self.keep(device, key + given.certificate, given.ca)

    def keep(self, name: str, pem: bytes, ca: bytes) -> Tls:
        """Write a device's files."""
        files = self.folder / name
        files.mkdir(exist_ok=True)
        (files / "device.pem").write_bytes(pem)
        (files / "ca.crt").write_bytes(ca)
        return Tls(str(files / "ca.crt"), str(files / "device.pem"))

    def has_reloaded(self, since: int) -> None:
        """Wait until the broker has read its files again, after ``since`` lines that say so."""
        deadline = time.monotonic() + 10
        while self.broker.lines("Reloading config") <= since:
            assert time.monotonic() < deadline, self.broker.log.read_text()
            time.sleep(0.02)
        time.sleep(0.3)
