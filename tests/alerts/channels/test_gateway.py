"""Channels through gateways: once, in doubt twice, and never in anybody's way.

The gateway is a server of its own that checks each signature (simulator/sms_gateway.py).
"""

from __future__ import annotations

import json
import logging
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from alerts.channels.contract import Attended, ChannelError, Closing, Outcome, Reporting
from alerts.channels.gateway import ASK_AFTER_MS, DOUBT_MS, WORTH_MS
from simulator.sms_gateway import SmsGateway
from tests.alerts.channels.gateways import NUMBER, PARAMS, SECRET, TEXT, Clock, Post

KINDS = ("aliyun", "tencent", "any")
VENDORS = ("aliyun", "tencent")


@pytest.fixture
def clock() -> Clock:
    """A clock that only the test moves."""
    return Clock()


@pytest.fixture
def server(clock: Clock) -> Iterator[SmsGateway]:
    """The gateway, on the test's clock."""
    with SmsGateway(now=lambda: clock.ms / 1000) as gateway:
        yield gateway


@pytest.fixture
def post(
    tmp_path: Path, server: SmsGateway, clock: Clock, request: pytest.FixtureRequest
) -> Iterator[Post]:
    """A channel on it, of the kind that the test asks for."""
    made = Post(tmp_path, request.param, server, clock)
    yield made
    made.channel.close()


every_kind = pytest.mark.parametrize("post", KINDS, indirect=True)
every_vendor = pytest.mark.parametrize("post", VENDORS, indirect=True)


def state(post: Post, key: str = "k") -> str:
    """How far a message is."""
    outcome = post.channel.outcome(key)
    return "none" if outcome is None else outcome.state


@every_kind
def test_who_can_be_asked_gives_reports(post: Post) -> None:
    """By nature: there is no common way to ask any gateway what became of a message."""
    assert isinstance(post.channel, Reporting)
    assert post.channel.gives_reports() is (post.kind in VENDORS)


@every_kind
def test_sent_once(post: Post) -> None:
    """Handed over thrice and asked for often, it is sent once; the text arrives letter for letter."""
    for _ in range(3):
        post.channel.submit("k", NUMBER, TEXT, PARAMS)
    assert post.channel.outcome("k") == Outcome("queued")

    for _ in range(3):
        post.channel.round()
    post.channel.submit("k", NUMBER, TEXT, PARAMS)
    post.again().round()

    (one,) = post.server.taken
    assert one.key == "k"
    assert one.params[-1] == TEXT
    assert one.to.endswith("13800000001")
    assert post.channel.outcome("k") == Outcome("sent", "", post.clock.ms)
    assert post.server.faults == []


@every_vendor
def test_the_template_is_filled(post: Post) -> None:
    """What the template asks for is put in, and a piece that a message lacks is a dash."""
    post.channel.submit("k", NUMBER, TEXT, PARAMS)
    post.channel.submit("l", NUMBER, TEXT)
    post.channel.round()

    assert [one.params[0] for one in post.server.taken] == ["东门接种点", "-"]


@every_kind
def test_unknown(post: Post) -> None:
    """A key that was never handed over has no outcome."""
    assert post.channel.outcome("k") is None


@every_kind
def test_killed_before_the_request(post: Post) -> None:
    """What was handed over survives: the next process sends it."""
    post.channel.submit("k", NUMBER, TEXT, PARAMS)

    post.again().round()

    assert post.keys() == ["k"]


def killed_while_calling(post: Post) -> None:
    """Let the gateway take the message, and the process die before the answer."""
    post.channel.submit("k", NUMBER, TEXT, PARAMS)
    post.server.swallow()
    post.channel.round()
    assert post.keys() == ["k"]
    post.again()


@every_vendor
def test_killed_between_request_and_answer(post: Post) -> None:
    """The gateway is asked whether it knows the key; it does, so nobody is told twice."""
    killed_while_calling(post)
    assert state(post) in {"queued", "retry"}

    post.clock.pass_s(DOUBT_MS / 1000)
    post.channel.round()

    assert post.keys() == ["k"]
    assert state(post) == "sent"


@every_vendor
def test_a_process_that_is_killed(post: Post, house: Path) -> None:
    """The same with SIGKILL while the gateway has the message and is slow to say so."""
    post.server.stall(30)
    script = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from types import SimpleNamespace\n"
        "from tests.alerts.channels.gateways import NUMBER, PARAMS, TEXT, Clock, Post\n"
        "clock = Clock()\n"
        "clock.ms = int(sys.argv[4])\n"
        "post = Post(Path(sys.argv[1]), sys.argv[2], SimpleNamespace(url=sys.argv[3]), clock, 30)\n"
        "post.channel.submit('k', NUMBER, TEXT, PARAMS)\n"
        "post.channel.round()\n"
    )
    arguments = [str(post.folder), post.kind, post.url, str(post.clock.ms)]
    process = subprocess.Popen([sys.executable, "-c", script, *arguments], cwd=house)
    deadline = time.monotonic() + 60
    while post.keys() != ["k"] and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    post.server.heal()

    post.clock.pass_s(DOUBT_MS / 1000)
    post.again().round()

    assert post.keys() == ["k"]
    assert state(post) == "sent"


@pytest.mark.parametrize("post", ["any"], indirect=True)
def test_a_gateway_that_cannot_be_asked_gets_it_twice_at_most(post: Post) -> None:
    """In doubt a second one goes out, with the same key; then the next channel has it."""
    killed_while_calling(post)
    for _ in range(6):
        post.server.swallow()
        post.clock.pass_s(60)
        post.again().round()

    assert post.keys() == ["k", "k"]
    assert state(post) == "refused"
    assert "may have been sent" in (post.channel.outcome("k") or Outcome("sent")).reason


@pytest.mark.parametrize("post", ["tencent"], indirect=True)
def test_what_is_under_way_is_not_found(post: Post) -> None:
    """Tencent has a report only when the network's has come: then it is sent again, once."""
    post.server.report("pending")
    killed_while_calling(post)
    post.clock.pass_s(DOUBT_MS / 1000)

    post.channel.round()

    assert post.keys() == ["k", "k"]
    assert state(post) == "sent"


@every_vendor
def test_cut_before_it_was_taken(post: Post) -> None:
    """The process died before the gateway had it: asked, it knows nothing, and gets it."""
    post.channel.submit("k", NUMBER, TEXT, PARAMS)
    entry = post.channel._book.get("k")
    assert entry is not None
    calling = replace(entry, place="calling", doubts=1, called_ms=post.clock.ms)
    post.channel._book.save(calling)
    post.clock.pass_s(DOUBT_MS / 1000)

    post.again().round()

    assert post.keys() == ["k"]
    assert state(post) == "sent"


@pytest.mark.parametrize(
    ("post", "code", "expected"),
    [
        ("aliyun", "isv.BUSINESS_LIMIT_CONTROL", "retry"),
        ("aliyun", "isv.MOBILE_NUMBER_ILLEGAL", "refused"),
        ("aliyun", "isv.AMOUNT_NOT_ENOUGH", "failing"),
        ("aliyun", "isv.NEVER_HEARD_OF", "retry"),
        ("tencent", "LimitExceeded.PhoneNumberOneHourLimit", "retry"),
        ("tencent", "FailedOperation.PhoneNumberInBlacklist", "refused"),
        ("tencent", "FailedOperation.InsufficientBalanceInSmsPackage", "failing"),
        ("tencent", "UnauthorizedOperation.NewReason", "failing"),
        ("any", "503", "retry"),
        ("any", "422", "refused"),
        ("any", "403", "failing"),
        ("any", "BUSY", "refused"),
    ],
    indirect=["post"],
)
def test_answers_and_decisions(post: Post, code: str, expected: str) -> None:
    """Each answer has its decision; a channel that fails takes nothing more for a while."""
    post.server.refuse(code)
    post.channel.submit("k", NUMBER, TEXT, PARAMS)
    post.channel.round()

    outcome = post.channel.outcome("k")
    assert outcome is not None
    assert outcome.state == ("refused" if expected == "refused" else "retry")
    assert code in outcome.reason
    assert post.server.taken == []
    if expected == "failing":
        with pytest.raises(ChannelError, match=code) as error:
            post.channel.submit("l", NUMBER, TEXT, PARAMS)
        assert error.value.retryable
        assert code in post.channel.absence()
    else:
        post.channel.submit("l", NUMBER, TEXT, PARAMS)
        post.channel.round()
        assert post.keys() == ["l"]


@every_kind
def test_refused_stays_refused(post: Post) -> None:
    """Only a new key is tried anew, as the contract says."""
    code = {"aliyun": "isv.SMS_CONTENT_ILLEGAL", "any": "400"}.get(
        post.kind, "FailedOperation.ContainSensitiveWord"
    )
    post.server.refuse(code)
    post.channel.submit("k", NUMBER, TEXT, PARAMS)
    post.channel.round()
    post.clock.pass_s(3600)
    post.channel.submit("k", NUMBER, TEXT, PARAMS)
    post.channel.round()
    assert post.server.taken == []

    post.channel.submit("k~2", NUMBER, TEXT, PARAMS)
    post.channel.round()
    assert post.keys() == ["k~2"]


@every_kind
def test_a_throttled_message_goes_later(post: Post) -> None:
    """The channel tries it again by itself, after a quarter of a minute, then after half of one."""
    code = {"aliyun": "Throttling.User", "any": "429"}.get(post.kind, "RequestLimitExceeded")
    post.server.refuse(code, 2)
    post.channel.submit("k", NUMBER, TEXT, PARAMS)
    for seconds in (0, 14, 2, 29):
        post.clock.pass_s(seconds)
        post.channel.round()
        assert post.server.taken == []
    post.clock.pass_s(2)
    post.channel.round()

    assert post.keys() == ["k"]
    assert state(post) == "sent"


@every_kind
def test_nobody_there(post: Post) -> None:
    """Without a network the message was surely not sent; it waits, and goes when one is back."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        post.url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        post.again().submit("k", NUMBER, TEXT, PARAMS)
        post.channel.round()
    assert state(post) == "retry"
    assert "no connection" in post.channel.absence()

    post.url = post.server.url
    post.clock.pass_s(61)
    post.again().round()

    assert post.keys() == ["k"]
    assert post.channel.absence() == ""


@every_kind
def test_it_knows_for_an_hour_what_its_last_try_has_shown(post: Post) -> None:
    """A gateway to which nothing was handed over since may long be there again."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        post.url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        post.again().submit("k", NUMBER, TEXT, PARAMS)
        post.channel.round()
    assert post.channel.tried_lately()

    post.clock.pass_s(3599)
    assert post.channel.tried_lately()
    post.clock.pass_s(1)
    assert not post.channel.tried_lately()
    assert "no connection" in post.channel.absence()


@every_kind
@pytest.mark.parametrize("fault", ["stall", "drip"])
def test_a_slow_gateway_is_in_nobodys_way(post: Post, fault: str) -> None:
    """Handing over and asking end at once while the gateway hangs; its thread is free in time."""
    if fault == "stall":
        post.server.stall(30)
    else:
        post.server.drip()
    post.channel.submit("k", NUMBER, TEXT, PARAMS)
    worker = threading.Thread(target=post.channel.round)
    began = time.monotonic()
    worker.start()
    post.channel.submit("l", NUMBER, TEXT, PARAMS)
    assert state(post, "l") in {"queued", "retry"}
    assert time.monotonic() - began < 2
    worker.join(10)

    assert not worker.is_alive()
    assert state(post) == "retry"
    assert "answer" in (post.channel.outcome("k") or Outcome("sent")).reason


@every_kind
def test_given_up_after_an_hour(post: Post) -> None:
    """An alarm that could not leave for an hour is other channels' by now."""
    code = {"aliyun": "isp.SYSTEM_ERROR", "any": "503"}.get(post.kind, "InternalError.OtherError")
    post.server.refuse(code, 100)
    post.channel.submit("k", NUMBER, TEXT, PARAMS)
    for _ in range(14):
        post.channel.round()
        post.clock.pass_s(300)
    assert post.clock.ms - WORTH_MS > 0

    outcome = post.channel.outcome("k")
    assert outcome is not None
    assert outcome.state == "refused"
    assert "given up after an hour" in outcome.reason
    assert post.server.taken == []


@every_vendor
@pytest.mark.parametrize("status", ["delivered", "failed"])
def test_delivery_is_asked_for(post: Post, status: str) -> None:
    """Some seconds after it was sent, then less and less often, until the network has spoken."""
    post.server.report("pending")
    post.channel.submit("k", NUMBER, TEXT, PARAMS)
    post.channel.round()
    post.clock.ms += ASK_AFTER_MS[0]
    post.channel.round()
    assert post.channel.outcome("k") == Outcome("sent", "", post.clock.ms - ASK_AFTER_MS[0])

    post.server.report(status)  # type: ignore[arg-type]  # a word of the parameters
    post.clock.ms += ASK_AFTER_MS[1]
    post.channel.round()

    outcome = post.channel.outcome("k")
    assert outcome is not None
    assert (outcome.state, outcome.delivery) == ("sent", status)
    assert post.keys() == ["k"]


@every_vendor
def test_no_secret_is_told(
    post: Post, caplog: pytest.LogCaptureFixture, server: SmsGateway
) -> None:
    """A wrong key is told with where it stands; neither log nor exception nor book holds it."""
    caplog.set_level(logging.DEBUG)
    (post.folder / "key").write_text(f"SIMULATED-ID\n{SECRET}-but-wrong\n")
    post.channel.submit("k", NUMBER, TEXT, PARAMS)
    post.channel.round()
    with pytest.raises(ChannelError) as error:
        post.channel.submit("l", NUMBER, TEXT, PARAMS)

    assert "key_file" in error.value.reason
    told = caplog.text + repr(error.value) + repr(post.channel.outcome("k"))
    post.channel.close()
    kept = b"".join(path.read_bytes() for path in post.folder.glob("*.db*"))
    assert SECRET not in told
    assert SECRET.encode() not in kept
    assert server.faults != []


@every_vendor
def test_a_key_that_comes_later(post: Post) -> None:
    """A key file that is missing, then put right, needs no new start."""
    key = (post.folder / "key").read_text()
    (post.folder / "key").unlink()
    post.channel.submit("k", NUMBER, TEXT, PARAMS)
    post.channel.round()
    assert "does not exist; write the secret there" in post.channel.absence()

    (post.folder / "key").write_text(key)
    post.clock.pass_s(61)
    post.channel.round()

    assert post.keys() == ["k"]


@every_kind
def test_by_its_own_thread(post: Post) -> None:
    """Begun, it does all that by itself; ended, what is left waits in the book."""
    assert isinstance(post.channel, Attended)
    assert isinstance(post.channel, Closing)
    post.channel.start()
    post.channel.submit("k", NUMBER, TEXT, PARAMS)
    deadline = time.monotonic() + 10
    while state(post) != "sent" and time.monotonic() < deadline:
        time.sleep(0.01)
    post.channel.close()

    assert post.keys() == ["k"]


@every_kind
def test_the_book_is_nobody_elses(post: Post) -> None:
    """It holds telephone numbers."""
    post.channel.submit("k", NUMBER, TEXT, PARAMS)

    assert (post.folder / f"{post.kind}.db").stat().st_mode & 0o077 == 0


@every_kind
def test_a_book_that_cannot_be_used(post: Post) -> None:
    """A damaged file is told with its place; the message was not taken."""
    post.channel.close()
    (post.folder / f"{post.kind}.db").write_bytes(b"no database at all" * 500)

    with pytest.raises(ChannelError, match="cannot be used") as error:
        post.again().submit("k", NUMBER, TEXT, PARAMS)
    assert not error.value.retryable


def test_texts_cannot_break_out(tmp_path: Path, server: SmsGateway, clock: Clock) -> None:
    """Quotes, braces and line ends stay text, and what looks like a piece is not put in again."""
    post = Post(tmp_path, "any", server, clock)
    text = 'a "quoted" {secret} \\ {phone}\nline'
    post.channel.submit("k", NUMBER, text)
    post.channel.round()
    post.channel.close()

    assert [one.params for one in server.taken] == [[text]]
    assert json.dumps(text) != text
