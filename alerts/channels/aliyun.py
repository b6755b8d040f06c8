"""The channel `aliyun`: Alibaba Cloud's SMS service (Dysmsapi 2017-05-25) for mainland numbers.

Requests are signed by ACS3-HMAC-SHA256 ("V3 request structure and signature",
alibabacloud.com/help/en/sdk/product-overview/v3-request-structure-and-signature); the test holds
the signature of that page's own example. Our key goes along as `OutId`, by which `QuerySendDetails`
finds a message again, for SendSms is not idempotent ("均不支持幂等的能力",
help.aliyun.com/document_detail/55284.html).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

from alerts.channels import web
from alerts.channels.answers import Answer, answer_of, answer_of_status
from alerts.channels.book import Entry
from alerts.channels.contract import Delivery
from alerts.channels.gateway import Report
from alerts.channels.keys import Key, KeyFileError, read_key
from alerts.channels.templates import Template, choose, fill

ENDPOINT: Final = "https://dysmsapi.aliyuncs.com"
_VERSION: Final = "2017-05-25"
_ALGORITHM: Final = "ACS3-HMAC-SHA256"
# The gateway's days are China's.
_CHINA: Final = timezone(timedelta(hours=8))
_MAINLAND: Final = "+86"
# help.aliyun.com/document_detail/419277.html: 1 waits for the report, 2 failed, 3 delivered.
_DELIVERIES: Final[dict[int, Delivery]] = {1: "", 2: "failed", 3: "delivered"}


@dataclass(frozen=True, slots=True)
class Aliyun:
    """Asks the service.

    Attributes:
        sign_name: the approved signature, which stands before each message.
        templates: approved templates; one of them must fit every message.
        key_file: two lines, AccessKey id and secret.
        endpoint: where it answers.
        timeout_s: for connecting, and for each wait for an answer.
    """

    sign_name: str
    templates: Sequence[Template]
    key_file: Path
    endpoint: str = ENDPOINT
    timeout_s: float = 5.0
    name: str = "aliyun"
    reports: bool = True

    def send(self, entry: Entry, now_ms: int) -> Answer:
        """Have a message sent by `SendSms`."""
        template = choose(self.templates, entry.params)
        if template is None:
            return Answer("refused", "no template is set up for such a message")
        pieces = fill(template, entry.text, entry.params)
        query = {
            "PhoneNumbers": national(entry.phone),
            "SignName": self.sign_name,
            "TemplateCode": template.id,
            "TemplateParam": json.dumps(pieces, ensure_ascii=False),
            "OutId": entry.key,
        }
        try:
            said, status = self._call("SendSms", query, now_ms)
        except KeyFileError as error:
            return Answer("failing", str(error))
        code = said.get("Code")
        if not isinstance(code, str):
            return answer_of_status(status) or Answer("retry", "aliyun's answer cannot be read")
        receipt = said.get("BizId")
        return answer_of("aliyun", code, receipt if isinstance(receipt, str) else "")

    def ask(self, entry: Entry, now_ms: int) -> Report | None:
        """Find a message among the day's to its number by `QuerySendDetails`."""
        called = datetime.fromtimestamp(entry.called_ms / 1000, _CHINA)
        # It may have been booked just after midnight.
        days = {f"{moment:%Y%m%d}" for moment in (called, called + timedelta(minutes=1))}
        for day in sorted(days):
            query = {
                "PhoneNumber": national(entry.phone),
                "SendDate": day,
                "PageSize": "50",
                "CurrentPage": "1",
            }
            if entry.receipt:
                query["BizId"] = entry.receipt
            try:
                said, _ = self._call("QuerySendDetails", query, now_ms)
            except KeyFileError as error:
                raise web.NotReachedError(str(error)) from None
            if said.get("Code") != "OK":
                raise web.NoAnswerError(answer_of("aliyun", str(said.get("Code", ""))).reason)
            for detail in _details(said):
                if detail.get("OutId") == entry.key:
                    status = detail.get("SendStatus")
                    delivery = _DELIVERIES.get(status, "") if isinstance(status, int) else ""
                    return Report(entry.receipt or entry.key, delivery)
        return None

    def _call(
        self, action: str, query: Mapping[str, str], now_ms: int
    ) -> tuple[dict[str, Any], int]:
        key = read_key(self.key_file)
        host = urlsplit(self.endpoint).netloc
        headers = signed(key, host, action, _VERSION, query, now_ms=now_ms, nonce=uuid.uuid4().hex)
        url = f"{self.endpoint.rstrip('/')}/?{canonical_query(query)}"
        reply = web.request("POST", url, headers, b"", self.timeout_s)
        try:
            said = json.loads(reply.body)
        except ValueError:
            said = None
        return (said if isinstance(said, dict) else {}), reply.status


def signed(
    key: Key,
    host: str,
    action: str,
    version: str,
    query: Mapping[str, str],
    *,
    now_ms: int,
    nonce: str,
) -> dict[str, str]:
    """Return the headers of a request without a body, its signature among them."""
    nothing = hashlib.sha256(b"").hexdigest()
    headers = {
        "host": host,
        "x-acs-action": action,
        "x-acs-content-sha256": nothing,
        "x-acs-date": f"{datetime.fromtimestamp(now_ms // 1000, UTC):%Y-%m-%dT%H:%M:%SZ}",
        "x-acs-signature-nonce": nonce,
        "x-acs-version": version,
    }
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    canonical = f"POST\n/\n{canonical_query(query)}\n{lines}\n{names}\n{nothing}"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"{_ALGORITHM}\n{digest}"
    signature = hmac.new(key.secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    authorization = f"{_ALGORITHM} Credential={key.id},SignedHeaders={names},Signature={signature}"
    return {**headers, "Authorization": authorization}


def canonical_query(query: Mapping[str, str]) -> str:
    """Return a query string by RFC 3986, its names in order."""
    return "&".join(
        f"{quote(name, safe='')}={quote(query[name], safe='')}" for name in sorted(query)
    )


def national(phone: str) -> str:
    """Return a mainland number as the service books it, another one with its country."""
    return phone.removeprefix(_MAINLAND).removeprefix("+")


def _details(said: Mapping[str, Any]) -> list[dict[str, Any]]:
    outer = said.get("SmsSendDetailDTOs")
    inner = outer.get("SmsSendDetailDTO") if isinstance(outer, dict) else None
    return [one for one in inner if isinstance(one, dict)] if isinstance(inner, list) else []
