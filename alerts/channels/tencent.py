"""The channel `tencent`: Tencent Cloud's SMS service (sms 2021-01-11).

Requests are signed by TC3-HMAC-SHA256 ("Signature v3", tencentcloud.com/document/product/267/37447);
the test holds the signature of that page's own example. Our key goes along as `SessionContext`,
which comes back in `PullSmsSendStatusByPhoneNumber`; SendSms itself knows no idempotency.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from alerts.channels import web
from alerts.channels.answers import Answer, answer_of, answer_of_status
from alerts.channels.book import Entry
from alerts.channels.contract import Delivery
from alerts.channels.gateway import Report
from alerts.channels.keys import Key, KeyFileError, read_key
from alerts.channels.templates import Template, choose, fill

ENDPOINT: Final = "https://sms.tencentcloudapi.com"
REGION: Final = "ap-guangzhou"
_VERSION: Final = "2021-01-11"
_SERVICE: Final = "sms"
_ALGORITHM: Final = "TC3-HMAC-SHA256"
_JSON: Final = "application/json; charset=utf-8"
_MAINLAND: Final = "+86"
_DELIVERIES: Final[dict[str, Delivery]] = {"SUCCESS": "delivered", "FAIL": "failed"}


@dataclass(frozen=True, slots=True)
class Tencent:
    """Asks the service.

    Attributes:
        app_id: `SmsSdkAppId` of the application in the console.
        sign_name: the approved signature; empty only for numbers outside of the mainland.
        templates: approved templates; one of them must fit every message.
        key_file: two lines, SecretId and SecretKey.
        region: where the service is asked.
        endpoint: where it answers.
        timeout_s: for connecting, and for each wait for an answer.
    """

    app_id: str
    sign_name: str
    templates: Sequence[Template]
    key_file: Path
    region: str = REGION
    endpoint: str = ENDPOINT
    timeout_s: float = 5.0
    name: str = "tencent"
    reports: bool = True

    def send(self, entry: Entry, now_ms: int) -> Answer:
        """Have a message sent by `SendSms`."""
        template = choose(self.templates, entry.params)
        if template is None:
            return Answer("refused", "no template is set up for such a message")
        asked: dict[str, Any] = {
            "PhoneNumberSet": [e164(entry.phone)],
            "SmsSdkAppId": self.app_id,
            "SignName": self.sign_name,
            "TemplateId": template.id,
            "TemplateParamSet": [*fill(template, entry.text, entry.params).values()],
            "SessionContext": entry.key,
        }
        try:
            said, status = self._call("SendSms", asked, now_ms)
        except KeyFileError as error:
            return Answer("failing", str(error))
        if said.get("Error") is not None:
            return answer_of("tencent", _text(said["Error"], "Code"))
        numbers = said.get("SendStatusSet")
        first = numbers[0] if isinstance(numbers, list) and numbers else None
        if not isinstance(first, dict):
            return answer_of_status(status) or Answer("retry", "tencent's answer cannot be read")
        return answer_of("tencent", _text(first, "Code"), _text(first, "SerialNo"))

    def ask(self, entry: Entry, now_ms: int) -> Report | None:
        """Find a message among the reports of its number, which come when the network's have come.

        So one that is not found may still be under way.
        """
        asked = {
            "BeginTime": entry.called_ms // 1000 - 60,
            "EndTime": now_ms // 1000 + 60,
            "Offset": 0,
            "Limit": 100,
            "PhoneNumber": e164(entry.phone),
            "SmsSdkAppId": self.app_id,
        }
        try:
            said, _ = self._call("PullSmsSendStatusByPhoneNumber", asked, now_ms)
        except KeyFileError as error:
            raise web.NotReachedError(str(error)) from None
        reports = said.get("PullSmsSendStatusSet")
        if said.get("Error") is not None or not isinstance(reports, list):
            code = _text(said.get("Error"), "Code")
            raise web.NoAnswerError(answer_of("tencent", code).reason)
        for one in reports:
            serial = _text(one, "SerialNo")
            ours = _text(one, "SessionContext") == entry.key
            if ours or (entry.receipt and serial == entry.receipt):
                delivery = _DELIVERIES.get(_text(one, "ReportStatus"), "")
                return Report(entry.receipt or serial, delivery)
        return None

    def _call(
        self, action: str, asked: Mapping[str, Any], now_ms: int
    ) -> tuple[dict[str, Any], int]:
        body = json.dumps(asked, ensure_ascii=False).encode()
        host = urlsplit(self.endpoint).netloc
        key, now_s = read_key(self.key_file), now_ms // 1000
        headers = {
            **signed(key, host, action, _SERVICE, body, now_s),
            "X-TC-Version": _VERSION,
            "X-TC-Region": self.region,
        }
        url = f"{self.endpoint.rstrip('/')}/"
        reply = web.request("POST", url, headers, body, self.timeout_s)
        try:
            said = json.loads(reply.body)
        except ValueError:
            said = None
        inner = said.get("Response") if isinstance(said, dict) else None
        return (inner if isinstance(inner, dict) else {}), reply.status


def signed(
    key: Key,
    host: str,
    action: str,
    service: str,
    body: bytes,
    now_s: int,
    headers: Sequence[str] = ("content-type", "host", "x-tc-action"),
) -> dict[str, str]:
    """Return the headers of a POST of JSON, its signature over those that are named."""
    day = f"{datetime.fromtimestamp(now_s, UTC):%Y-%m-%d}"
    values = {"content-type": _JSON, "host": host, "x-tc-action": action.lower()}
    names = ";".join(headers)
    lines = "".join(f"{name}:{values[name]}\n" for name in headers)
    digest = hashlib.sha256(body).hexdigest()
    canonical = f"POST\n/\n\n{lines}\n{names}\n{digest}"
    scope = f"{day}/{service}/tc3_request"
    text = f"{_ALGORITHM}\n{now_s}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    secret = f"TC3{key.secret}".encode()
    for part in (day, service, "tc3_request"):
        secret = hmac.new(secret, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()
    authorization = (
        f"{_ALGORITHM} Credential={key.id}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return {
        "Authorization": authorization,
        "Content-Type": _JSON,
        "Host": host,
        "X-TC-Action": action,
        "X-TC-Timestamp": str(now_s),
    }


def e164(phone: str) -> str:
    """Return a number with its country; one without is of the mainland."""
    return phone if phone.startswith("+") else _MAINLAND + phone


def _text(fields: object, name: str) -> str:
    """Return a field of an answer as text; empty where it is none."""
    value = fields.get(name) if isinstance(fields, dict) else None
    return value if isinstance(value, str) else ""
