"""The small things of gateways: what an answer means, which template, where pieces are put in."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.channels.aliyun import national
from alerts.channels.answers import Decision, answer_of, answer_of_status
from alerts.channels.any_http import put_in, resolve
from alerts.channels.templates import Template, choose, fill
from alerts.channels.tencent import e164

FORM = "application/x-www-form-urlencoded"


class TestAnswers:
    @pytest.mark.parametrize(
        ("code", "decision"),
        [
            ("OK", "sent"),
            ("isv.BUSINESS_LIMIT_CONTROL", "retry"),
            ("Throttling.Whatever", "retry"),
            ("isv.MOBILE_NUMBER_ILLEGAL", "refused"),
            ("isv.AMOUNT_NOT_ENOUGH", "failing"),
            ("isv.OUT_OF_SERVICE", "failing"),
            ("SignatureDoesNotMatch", "failing"),
            ("InvalidAccessKeyId.New", "failing"),
            ("isv.SOMETHING_NEW", "retry"),
            ("", "retry"),
        ],
    )
    def test_aliyun(self, code: str, decision: Decision) -> None:
        """Known codes by the table, others by their group, and else the message is kept."""
        answer = answer_of("aliyun", code, "receipt")

        assert answer.decision == decision
        assert answer.receipt == ("receipt" if decision == "sent" else "")
        assert (code in answer.reason) or decision == "sent"

    @pytest.mark.parametrize(
        ("code", "decision"),
        [
            ("Ok", "sent"),
            ("LimitExceeded.PhoneNumberDailyLimit", "retry"),
            ("LimitExceeded.SomethingNew", "retry"),
            ("LimitExceeded.AppDailyLimit", "failing"),
            ("FailedOperation.PhoneNumberInBlacklist", "refused"),
            ("FailedOperation.InsufficientBalanceInSmsPackage", "failing"),
            ("FailedOperation.SomethingNew", "retry"),
            ("InvalidParameterValue.IncorrectPhoneNumber", "refused"),
            ("InternalError.Timeout", "retry"),
            ("AuthFailure.SignatureFailure", "failing"),
            ("UnauthorizedOperation.SomethingNew", "failing"),
        ],
    )
    def test_tencent(self, code: str, decision: Decision) -> None:
        """The same of the other vendor."""
        assert answer_of("tencent", code).decision == decision

    @pytest.mark.parametrize(
        ("status", "decision"),
        [(200, None), (204, None), (400, "refused"), (401, "failing"), (404, "failing"),
         (422, "refused"), (429, "retry"), (500, "retry"), (503, "retry"), (302, "failing")],
    )  # fmt: skip
    def test_statuses(self, status: int, decision: Decision | None) -> None:
        """What HTTP itself says."""
        answer = answer_of_status(status)

        assert (answer.decision if answer else None) == decision


class TestTemplates:
    ALL = Template("all", ("text",))
    OPENED = Template("opened", ("site", "code"), "opened")
    ENGLISH = Template("english", ("text",), "", "en")
    BOTH = Template("both", ("text",), "opened", "en")

    @pytest.mark.parametrize(
        ("params", "expected"),
        [
            ({}, "all"),
            ({"happening": "recovered", "language": "zh"}, "all"),
            ({"happening": "opened", "language": "zh"}, "opened"),
            ({"happening": "recovered", "language": "en"}, "english"),
            ({"happening": "opened", "language": "en"}, "both"),
        ],
    )
    def test_the_one_that_says_most(self, params: dict[str, str], expected: str) -> None:
        """Whatever their order in the settings."""
        for templates in ([self.ALL, self.OPENED, self.ENGLISH, self.BOTH],
                          [self.BOTH, self.ENGLISH, self.OPENED, self.ALL]):  # fmt: skip
            chosen = choose(templates, params)
            assert chosen is not None
            assert chosen.id == expected

    def test_none_fits(self) -> None:
        """Then the message is refused, and the next channel has it."""
        assert choose([self.OPENED], {"happening": "recovered"}) is None

    def test_filled_in_its_order(self) -> None:
        """Tencent counts them; what a message lacks is a dash, for an empty one is refused."""
        pieces = fill(Template("t", ("code", "site", "text")), "T", {"code": " 4711 ", "site": ""})

        assert list(pieces.items()) == [("code", "4711"), ("site", "-"), ("text", "T")]


class TestPieces:
    @given(st.text(), st.text())
    def test_in_a_form_and_an_address(self, phone: str, text: str) -> None:
        """Whatever they hold, the other side reads them as they were."""
        phone, text = (one.encode("utf-8", "replace").decode() for one in (phone, text))
        pieces = {"phone": phone, "text": text}
        filled = put_in("https://x.org/?to={phone}&text={text}&n=1", pieces, FORM)

        found = parse_qs(urlsplit(filled).query, keep_blank_values=True)
        assert found == {"to": [phone], "text": [text], "n": ["1"]}

    @given(st.text())
    def test_in_json(self, text: str) -> None:
        """Quotes, line ends and braces do not end the string."""
        template = '{"a": "{text}", "b": {"c": "{unknown}"}}'
        filled = put_in(template, {"text": text}, "application/json")

        assert json.loads(filled) == {"a": text, "b": {"c": "{unknown}"}}

    def test_in_a_header(self) -> None:
        """A header stays one line."""
        pieces = {"text": "a\r\nX-Evil: 1 县"}

        assert put_in("Bearer {text}", pieces, "header") == "Bearer a??X-Evil: 1 ?"

    def test_no_piece_is_looked_into(self) -> None:
        """A text that names the secret does not get it."""
        pieces = {"text": "{secret}", "secret": "s3cret"}

        assert put_in("{text}", pieces, "text/plain") == "{secret}"

    @pytest.mark.parametrize(
        ("pointer", "value"),
        [
            ("/code", "0"), ("/data/0/status", "OK"), ("/ok", "true"), ("/a~1b", "c"),
            ("/data", None), ("/none", None), ("/data/9", None), ("/code/x", None),
        ],
    )  # fmt: skip
    def test_pointers(self, pointer: str, value: str | None) -> None:
        """By RFC 6901; what is no single value is nothing."""
        body = b'{"code": 0, "ok": true, "a/b": "c", "data": [{"status": "OK"}]}'

        assert resolve(body, pointer) == value
        assert resolve(b"no json", pointer) is None


@pytest.mark.parametrize(
    ("phone", "mainland", "whole"),
    [
        ("+8613800000001", "13800000001", "+8613800000001"),
        ("13800000001", "13800000001", "+8613800000001"),
        ("+85212345678", "85212345678", "+85212345678"),
    ],
)
def test_numbers(phone: str, mainland: str, whole: str) -> None:
    """As each vendor wants them."""
    assert national(phone) == mainland
    assert e164(phone) == whole
