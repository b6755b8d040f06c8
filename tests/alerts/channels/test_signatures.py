"""Signed requests: the vendors' own published examples, by the client and by the gateway's check.

Aliyun: "V3 request structure and signature", section "Fixed parameter example"
(https://www.alibabacloud.com/help/en/sdk/product-overview/v3-request-structure-and-signature),
with the key `YourAccessKeyId` / `YourAccessKeySecret` as it is printed there.
Tencent: "Signature v3" (https://www.tencentcloud.com/document/product/267/37447), whose text gives
the SecretKey `Gu5t9xGARNpq86cd98joQYCN3EXAMPLE`; later pages print the key in asterisks.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pytest

from alerts.channels import aliyun, tencent
from alerts.channels.keys import Key
from simulator.sms_signatures import Request, aliyun_fault, hmac_sha256, tencent_fault

ALIYUN_KEY = Key("YourAccessKeyId", "YourAccessKeySecret")
ALIYUN_MS = int(datetime(2023, 10, 26, 10, 22, 32, tzinfo=UTC).timestamp()) * 1000
ALIYUN_QUERY = {
    "ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd",
    "RegionId": "cn-shanghai",
}
ALIYUN_PUBLISHED = "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"

TENCENT_KEY = Key("AKIDEXAMPLE", "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE")
TENCENT_S = 1_551_113_065
TENCENT_BODY = (
    rb'{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}'
)
TENCENT_PUBLISHED = "72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168"


def aliyun_headers() -> dict[str, str]:
    """The headers of the published example, as our client signs it."""
    return aliyun.signed(
        ALIYUN_KEY, "ecs.cn-shanghai.aliyuncs.com", "RunInstances", "2014-05-26", ALIYUN_QUERY,
        now_ms=ALIYUN_MS, nonce="3156853299f313e23d1673dc12e1703d",
    )  # fmt: skip


def tencent_headers() -> dict[str, str]:
    """The headers of the published example, as our client signs it."""
    return tencent.signed(
        TENCENT_KEY, "cvm.tencentcloudapi.com", "DescribeInstances", "cvm", TENCENT_BODY,
        TENCENT_S, ("content-type", "host"),
    )  # fmt: skip


def lower(headers: dict[str, str]) -> dict[str, str]:
    """Header names as a server sees them."""
    return {name.lower(): value for name, value in headers.items()}


class TestAliyun:
    def test_the_published_example(self) -> None:
        """Our client signs it as the vendor does."""
        assert aliyun_headers()["Authorization"] == (
            "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;"
            "x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,"
            f"Signature={ALIYUN_PUBLISHED}"
        )

    def test_the_check_takes_the_published_example(self) -> None:
        """The gateway of the tests takes the vendor's signature, and no other."""
        target = f"/?{aliyun.canonical_query(ALIYUN_QUERY)}"
        request = Request("POST", target, lower(aliyun_headers()), b"")
        keys, now_s = {ALIYUN_KEY.id: ALIYUN_KEY.secret}, ALIYUN_MS / 1000

        assert ALIYUN_PUBLISHED in request.headers["authorization"]
        assert aliyun_fault(request, keys, now_s) is None
        assert aliyun_fault(request, {ALIYUN_KEY.id: "x"}, now_s) == "SignatureDoesNotMatch"
        other = Request("POST", f"{target}x", request.headers, b"")
        assert aliyun_fault(other, keys, now_s) == "SignatureDoesNotMatch"
        assert aliyun_fault(request, keys, now_s + 901) == "InvalidTimeStamp.Expired"
        assert aliyun_fault(request, {}, now_s) == "InvalidAccessKeyId.NotFound"

    def test_a_query_by_rfc_3986(self) -> None:
        """Names in order; a space, a star and Chinese as the vendor wants them, a tilde as it is."""
        query = {"b": "a b*c~d/e", "a": "县"}

        assert aliyun.canonical_query(query) == "a=%E5%8E%BF&b=a%20b%2Ac~d%2Fe"


class TestTencent:
    def test_the_published_example(self) -> None:
        """Our client signs it as the vendor does."""
        assert tencent_headers()["Authorization"] == (
            "TC3-HMAC-SHA256 Credential=AKIDEXAMPLE/2019-02-25/cvm/tc3_request, "
            f"SignedHeaders=content-type;host, Signature={TENCENT_PUBLISHED}"
        )

    def test_the_check_takes_the_published_example(self) -> None:
        """The gateway of the tests takes the vendor's signature, and no other."""
        request = Request("POST", "/", lower(tencent_headers()), TENCENT_BODY)
        keys = {TENCENT_KEY.id: TENCENT_KEY.secret}

        assert tencent_fault(request, keys, TENCENT_S) is None
        assert tencent_fault(request, keys, TENCENT_S + 301) == "AuthFailure.SignatureExpire"
        wrong = {TENCENT_KEY.id: "x"}
        assert tencent_fault(request, wrong, TENCENT_S) == "AuthFailure.SignatureFailure"
        other = Request("POST", "/", request.headers, TENCENT_BODY + b" ")
        assert tencent_fault(other, keys, TENCENT_S) == "AuthFailure.SignatureFailure"

    def test_the_day_is_that_of_utc(self) -> None:
        """The example's time is the 26th already in China."""
        assert "/2019-02-25/" in tencent_headers()["Authorization"]

    def test_the_action_is_signed_too(self) -> None:
        """As the vendor's newer pages have it: in lower case in what is signed."""
        headers = tencent.signed(TENCENT_KEY, "h", "SendSms", "sms", b"{}", TENCENT_S)
        request = Request("POST", "/", lower(headers), b"{}")

        assert "SignedHeaders=content-type;host;x-tc-action" in headers["Authorization"]
        assert headers["X-TC-Action"] == "SendSms"
        assert tencent_fault(request, {TENCENT_KEY.id: TENCENT_KEY.secret}, TENCENT_S) is None


@pytest.mark.parametrize(
    ("key", "message", "digest"),
    [
        # RFC 4231, test cases 1, 2 and 6.
        (b"\x0b" * 20, b"Hi There",
         "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        (b"Jefe", b"what do ya want for nothing?",
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        (b"\xaa" * 131, b"Test Using Larger Than Block-Size Key - Hash Key First",
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"),
    ],
)  # fmt: skip
def test_the_checks_own_hmac(key: bytes, message: bytes, digest: str) -> None:
    """The oracle's HMAC is that of RFC 4231."""
    assert hmac_sha256(key, message).hex() == digest
    assert hashlib.sha256(b"").hexdigest().startswith("e3b0c442")


def test_a_key_shows_nothing() -> None:
    """What is printed of a key by mistake holds neither of its halves."""
    assert "Gu5t9" not in repr(TENCENT_KEY)
    assert "AKID" not in f"{TENCENT_KEY}"
