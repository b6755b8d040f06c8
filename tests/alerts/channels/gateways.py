"""Gateways of the tests: the simulated one, a clock that only the test moves, and channels on it."""

from __future__ import annotations

import time
from pathlib import Path

from alerts.channels.aliyun import Aliyun
from alerts.channels.any_http import AnyHttp
from alerts.channels.book import Book
from alerts.channels.gateway import Gateway, GatewayChannel
from alerts.channels.templates import Template
from alerts.channels.tencent import Tencent
from simulator import sms_gateway
from simulator.sms_gateway import SmsGateway

NUMBER = "+8613800000001"
TEXT = "东门接种点 1号冰箱 9.2℃ 过高，14:05起。请立即检查。回复4711"
PARAMS = {"happening": "opened", "language": "zh", "site": "东门接种点", "asset": "1号冰箱"}
SECRET = sms_gateway.KEYS["SIMULATED-ID"]


class Clock:
    """A time that stands still: UTC milliseconds, from the machine's own on."""

    def __init__(self) -> None:
        self.ms = time.time_ns() // 1_000_000

    def __call__(self) -> int:
        """Return the time."""
        return self.ms

    def pass_s(self, seconds: float) -> None:
        """Let so much time pass."""
        self.ms += int(seconds * 1000)


class Post:
    """One kind of gateway, set up against the simulated one, in a folder of its own."""

    def __init__(
        self, folder: Path, kind: str, server: SmsGateway, clock: Clock, timeout_s: float = 0.3
    ) -> None:
        self.timeout_s = timeout_s
        self.folder, self.kind, self.server, self.clock = folder, kind, server, clock
        self.url = server.url
        (folder / "key").write_text(f"SIMULATED-ID\n{SECRET}\n")
        (folder / "secret").write_text(f"{SECRET}\n")
        self.channel = self.again()

    def again(self) -> GatewayChannel:
        """Return the channel as a process that has just begun would have it."""
        book = Book(self.folder / f"{self.kind}.db")
        self.channel = GatewayChannel(self.kind, book, self._gateway(), self.clock)
        return self.channel

    def _gateway(self) -> Gateway:
        key = self.folder / "key"
        if self.kind == "aliyun":
            templates = (Template("SMS_1", ("site", "text")),)
            return Aliyun(sms_gateway.SIGN_NAME, templates, key, self.url, self.timeout_s)
        if self.kind == "tencent":
            named = (Template("1001", ("site", "text")),)
            return Tencent(
                sms_gateway.APP_ID, sms_gateway.SIGN_NAME, named, key, endpoint=self.url,
                timeout_s=self.timeout_s,
            )  # fmt: skip
        headers = {"Content-Type": "application/json", "Authorization": "Bearer {secret}"}
        body = '{"to": "{phone}", "text": "{text}", "id": "{key}"}'
        return AnyHttp(
            f"{self.url}/send", "POST", headers, body, self.folder / "secret",
            pointer="/status", values=("OK",), timeout_s=self.timeout_s,
        )  # fmt: skip

    def keys(self) -> list[str]:
        """What the gateway took, by our keys."""
        return [one.key for one in self.server.taken]
