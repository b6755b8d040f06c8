"""A fake SMS gateway: it answers like Alibaba Cloud's, Tencent Cloud's or any other, and sends nothing.

    python -m simulator.sms_gateway --port 8025 --log messages.jsonl

It checks every signature (simulator/sms_signatures.py), templates and numbers, and appends what it
took to a log of one JSON object a line. Keys and templates are those below. It fails on request:
the methods of `SmsGateway`, or POST /control with one JSON object:

    {"do": "refuse", "code": "isv.BUSINESS_LIMIT_CONTROL", "count": 2, "to": "^138"}
    {"do": "swallow", "count": 1}      takes the message and hangs up without an answer
    {"do": "stall", "seconds": 3}      takes the message and answers so much later
    {"do": "drip", "count": 1}         takes the message and answers a byte a second, for ever
    {"do": "report", "status": "failed", "to": "^138"}   delivered (as by itself), failed, pending
    {"do": "heal"}                     ends all of these
"""

from __future__ import annotations

import argparse
import json
import re
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self
from urllib.parse import parse_qs, urlsplit

from simulator.sms_signatures import Request, aliyun_fault, tencent_fault

KEYS: Final = {"SIMULATED-ID": "simulated-secret"}
# Template and how many parameters it has; Alibaba Cloud's are named, Tencent's counted.
TEMPLATES: Final = {"SMS_1": ("site", "text"), "SMS_2": ("asset", "code"), "1001": ("1", "2")}
SIGN_NAME: Final = "县疾控中心"
APP_ID: Final = "1400006666"
_CHINA: Final = timezone(timedelta(hours=8))
_MAINLAND: Final = re.compile(r"(\+?86|0086)?1[3-9]\d{9}$")
_E164: Final = re.compile(r"\+[1-9]\d{6,14}$")
_STATUS: Final = {"pending": 1, "failed": 2, "delivered": 3}

Vendor = Literal["aliyun", "tencent", "any"]


@dataclass(frozen=True, slots=True)
class Taken:
    """One message that a gateway took. ``key`` is what the sender called it."""

    at: str
    vendor: Vendor
    to: str
    template: str
    params: list[str]
    key: str
    receipt: str


class SmsGateway:
    """The gateway on a port of its own; its methods may be called from any thread.

    Attributes:
        taken: what it took, oldest first.
        faults: error codes that it gave for requests that were not right, oldest first.
    """

    def __init__(
        self, port: int = 0, log: Path | None = None, now: Callable[[], float] = time.time
    ) -> None:
        """Prepare it; ``now`` is what its own clock says, UTC seconds."""
        self.taken: list[Taken] = []
        self.faults: list[str] = []
        self._log, self._now = log, now
        self._lock = threading.RLock()
        self._nonces: set[str] = set()
        self.heal()
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.gateway = self
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="sms-gateway", daemon=True
        )

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        """Begin to answer."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the port."""
        self._server.shutdown()
        self._server.server_close()

    def refuse(self, code: str, count: int = 1, to: str = "") -> None:
        """Answer the next messages to numbers that match with this code."""
        with self._lock:
            self._refusals += [(re.compile(to), code)] * count

    def swallow(self, count: int = 1) -> None:
        """Take the next messages, and hang up without an answer."""
        with self._lock:
            self._swallow += count

    def stall(self, seconds: float) -> None:
        """Take messages, and answer so much later."""
        with self._lock:
            self._stall_s = seconds

    def drip(self, count: int = 1) -> None:
        """Take the next messages, and never come to the end of the answer."""
        with self._lock:
            self._drip += count

    def report(self, status: Literal["delivered", "failed", "pending"], to: str = "") -> None:
        """Let messages to numbers that match be so far."""
        if status not in _STATUS:
            raise ValueError(f"a status is one of {', '.join(_STATUS)}")
        with self._lock:
            self._reports.insert(0, (re.compile(to), status))

    def heal(self) -> None:
        """End all faults and what was said of reports."""
        with self._lock:
            self._refusals: list[tuple[re.Pattern[str], str]] = []
            self._reports: list[tuple[re.Pattern[str], str]] = []
            self._swallow = self._drip = 0
            self._stall_s = 0.0

    # --- what a handler asks; one request each ---

    def answer(self, request: Request) -> tuple[int, object, str]:
        """Return status, body and how it is to be said: ``""``, ``swallow``, ``drip``."""
        if "x-acs-action" in request.headers:
            return self._aliyun(request)
        if "x-tc-action" in request.headers:
            return self._tencent(request)
        return self._any(request)

    @property
    def pause_s(self) -> float:
        """How long an answer is held back."""
        return self._stall_s

    def _aliyun(self, request: Request) -> tuple[int, object, str]:
        nonce = request.headers.get("x-acs-signature-nonce", "")
        fault = aliyun_fault(request, KEYS, self._now())
        if fault is None and (not nonce or nonce in self._nonces):
            fault = "SignatureNonceUsed"
        self._nonces.add(nonce)
        if fault is not None:
            return self._fault(400, fault, {"Code": fault, "Message": "no", "RequestId": "R"})
        asked = {name: values[0] for name, values in _query(request).items()}
        if request.headers["x-acs-action"] == "QuerySendDetails":
            return 200, self._details(asked), ""
        to, template = asked.get("PhoneNumbers", ""), asked.get("TemplateCode", "")
        code = "OK"
        try:
            params = json.loads(asked.get("TemplateParam", "{}"))
        except ValueError:
            params, code = {}, "isv.INVALID_JSON_PARAM"
        if not _MAINLAND.match(to):
            code = "isv.MOBILE_NUMBER_ILLEGAL"
        elif asked.get("SignName") != SIGN_NAME:
            code = "isv.SMS_SIGNATURE_ILLEGAL"
        elif template not in TEMPLATES:
            code = "isv.SMS_TEMPLATE_ILLEGAL"
        elif not set(TEMPLATES[template]) <= set(params):
            code = "isv.TEMPLATE_MISSING_PARAMETERS"
        code = self._refusal(to) or code
        if code != "OK":
            return 200, {"Code": code, "Message": "no", "RequestId": "R"}, ""
        values = [str(params[name]) for name in TEMPLATES[template]]
        receipt = self._take("aliyun", to, template, values, asked.get("OutId", ""))
        body = {"Code": "OK", "Message": "OK", "BizId": receipt, "RequestId": "R"}
        return 200, body, self._manner()

    def _details(self, asked: Mapping[str, str]) -> object:
        found = [
            {
                "PhoneNum": one.to, "SendStatus": _STATUS[self._status(one.to)], "OutId": one.key,
                "TemplateCode": one.template, "ErrCode": "DELIVERED", "SendDate": one.at,
            }
            for one in self.taken
            if one.vendor == "aliyun" and one.to == asked.get("PhoneNumber")
            if asked.get("BizId") in {None, one.receipt}
            if f"{datetime.fromisoformat(one.at).astimezone(_CHINA):%Y%m%d}" == asked["SendDate"]
        ]  # fmt: skip
        return {
            "Code": "OK",
            "TotalCount": str(len(found)),
            "SmsSendDetailDTOs": {"SmsSendDetailDTO": found},
        }

    def _tencent(self, request: Request) -> tuple[int, object, str]:
        fault = tencent_fault(request, KEYS, self._now())
        if fault is None and request.headers.get("x-tc-version") != "2021-01-11":
            fault = "NoSuchVersion"
        asked = json.loads(request.body)
        if fault is None and asked.get("SmsSdkAppId") != APP_ID:
            fault = "UnauthorizedOperation.SmsSdkAppIdVerifyFail"
        if fault is not None:
            error = {"Error": {"Code": fault, "Message": "no"}, "RequestId": "R"}
            return self._fault(200, fault, {"Response": error})
        if request.headers["x-tc-action"] == "PullSmsSendStatusByPhoneNumber":
            return 200, {"Response": self._pulled(asked)}, ""
        to, template = asked["PhoneNumberSet"][0], asked["TemplateId"]
        code = "Ok"
        if not _E164.match(to):
            code = "InvalidParameterValue.IncorrectPhoneNumber"
        elif asked.get("SignName") != SIGN_NAME:
            code = "FailedOperation.SignatureIncorrectOrUnapproved"
        elif template not in TEMPLATES:
            code = "FailedOperation.TemplateIncorrectOrUnapproved"
        elif len(asked["TemplateParamSet"]) != len(TEMPLATES[template]):
            code = "FailedOperation.TemplateParamSetNotMatchApprovedTemplate"
        code = self._refusal(to) or code
        receipt, manner = "", ""
        if code == "Ok":
            key = asked.get("SessionContext", "")
            receipt = self._take("tencent", to, template, asked["TemplateParamSet"], key)
            manner = self._manner()
        status = {
            "SerialNo": receipt, "PhoneNumber": to, "Fee": 1, "Code": code, "Message": "",
            "SessionContext": asked.get("SessionContext", ""), "IsoCode": "CN",
        }  # fmt: skip
        return 200, {"Response": {"SendStatusSet": [status], "RequestId": "R"}}, manner

    def _pulled(self, asked: Mapping[str, Any]) -> object:
        """Return the reports of a number; a message that is still under way has none."""
        words = {"delivered": "SUCCESS", "failed": "FAIL"}
        found = [
            {
                "SerialNo": one.receipt, "PhoneNumber": one.to, "SessionContext": one.key,
                "ReportStatus": words[self._status(one.to)], "Description": "DELIVRD",
            }
            for one in self.taken
            if one.vendor == "tencent" and one.to == asked["PhoneNumber"]
            if self._status(one.to) in words
            if asked["BeginTime"] <= datetime.fromisoformat(one.at).timestamp() <= asked["EndTime"]
        ]  # fmt: skip
        return {"PullSmsSendStatusSet": found, "RequestId": "R"}

    def _any(self, request: Request) -> tuple[int, object, str]:
        """Take `{"to": …, "text": …, "id": …}` with `Authorization: Bearer simulated-secret`.

        At /notify it is a group, as Apprise's `json://` writes to one: `{"message": …}`.
        """
        if request.target.startswith("/notify"):
            if (code := self._refusal("")) is not None:
                return int(code), {}, ""
            self._take("any", "", "", [json.loads(request.body)["message"]], request.target)
            return 200, {}, self._manner()
        if request.headers.get("authorization") != f"Bearer {KEYS['SIMULATED-ID']}":
            return self._fault(401, "unauthorized", {"status": "unauthorized"})
        asked = json.loads(request.body)
        if (code := self._refusal(asked["to"])) is not None:
            return (int(code), {}, "") if code.isdigit() else (200, {"status": code}, "")
        receipt = self._take("any", asked["to"], "", [asked["text"]], asked["id"])
        return 200, {"status": "OK", "data": [{"id": receipt}]}, self._manner()

    def _fault(self, status: int, code: str, body: object) -> tuple[int, object, str]:
        self.faults.append(code)
        return status, body, ""

    def _refusal(self, to: str) -> str | None:
        for index, (pattern, code) in enumerate(self._refusals):
            if pattern.search(to):
                del self._refusals[index]
                return code
        return None

    def _status(self, to: str) -> str:
        return next(
            (status for pattern, status in self._reports if pattern.search(to)), "delivered"
        )

    def _manner(self) -> str:
        if self._swallow:
            self._swallow -= 1
            return "swallow"
        if self._drip:
            self._drip -= 1
            return "drip"
        return ""

    def _take(self, vendor: Vendor, to: str, template: str, params: list[str], key: str) -> str:
        at = datetime.fromtimestamp(self._now(), UTC).isoformat(timespec="milliseconds")
        receipt = f"{len(self.taken) + 1}^{vendor}"
        one = Taken(at, vendor, to, template, params, key, receipt)
        self.taken.append(one)
        if self._log is not None:
            with self._log.open("a", encoding="utf-8") as log:
                log.write(json.dumps(asdict(one), ensure_ascii=False) + "\n")
        return receipt

    def locked(self, request: Request) -> tuple[int, object, str]:
        """Answer one request at a time."""
        with self._lock:
            return self.answer(request)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    gateway: SmsGateway


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        headers = {name.lower(): value for name, value in self.headers.items()}
        if self.path == "/control":
            self._say(*_obey(self.server.gateway, body))
            return
        gateway = self.server.gateway
        status, said, manner = gateway.locked(Request("POST", self.path, headers, body))
        time.sleep(gateway.pause_s)
        if manner == "swallow":
            self.close_connection = True
            return
        if manner == "drip":
            self.send_response(200)
            self.end_headers()
            while True:
                time.sleep(0.05)
                self.wfile.write(b" ")
        self._say(status, said)

    def _say(self, status: int, said: object) -> None:
        body = json.dumps(said, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        del format, args

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:
            self.close_connection = True


def _obey(gateway: SmsGateway, body: bytes) -> tuple[int, object]:
    """Do what /control was told."""
    try:
        order = json.loads(body)
        name = order.pop("do")
        if name not in {"refuse", "swallow", "stall", "drip", "report", "heal"}:
            raise ValueError(f"no such order: {name}")
        getattr(gateway, name)(**order)
    except (ValueError, KeyError, TypeError, AttributeError, re.error) as error:
        return 400, {"error": str(error)}
    return 200, {"ok": True}


def _query(request: Request) -> dict[str, list[str]]:
    return parse_qs(urlsplit(request.target).query, keep_blank_values=True)


def main() -> int:
    """Run the gateway until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m simulator.sms_gateway", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--port", type=int, default=0, help="of 127.0.0.1; 0 takes any free one")
    parser.add_argument("--log", type=Path, help="file to append each message to, JSON lines")
    arguments = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with SmsGateway(arguments.port, arguments.log) as gateway:
        print(gateway.url, flush=True)
        stop.wait()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
