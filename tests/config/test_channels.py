"""[[channels]] of hub.toml: old files stay good, and what is wrong is said in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerts.channels.contract import Closing
from alerts.channels.gammu_smsd import GammuSmsd
from alerts.channels.gateway import GatewayChannel
from alerts.channels.log import LogChannel
from alerts.channels.opening import ChannelUnusableError, open_channels
from config.hub import HubSettings
from config.loading import SettingsError, load

SITE = """
[[people]]
id = "li"
name = "李娜"
phone = "+8613900000001"
[[sites]]
id = "east-gate"
name = { zh = "东门", en = "East Gate" }
kind = "fixed"
devices = ["pi-1"]
tell = ["li"]
assets = [{ id = "fridge-1", name = { zh = "1号冰箱", en = "Fridge 1" } }]
"""
ALIYUN = """
[[channels]]
id = "aliyun"
kind = "aliyun"
[channels.aliyun]
sign_name = "县疾控中心"
key_file = "{folder}/key"
[[channels.aliyun.templates]]
id = "SMS_1"
params = ["text"]
"""
HTTP = '[[channels]]\nid = "a"\nkind = "http"\n'
OTHERS = """
[[channels]]
id = "modem"
kind = "gammu-smsd"
smsd = {{ database = "{folder}/smsd.db" }}
[[channels]]
id = "tencent"
kind = "tencent"
tencent = {{ app_id = "1400006666", sign_name = "x", key_file = "{folder}/key", templates = [
  {{ id = "1001", params = ["text"] }}] }}
[[channels]]
id = "own"
kind = "http"
[channels.http]
url = "https://sms.example.org/?to={{phone}}&text={{text}}"
[[channels]]
id = "group"
kind = "apprise"
apprise = {{ urls_file = "{folder}/urls" }}
[[channels]]
id = "trial"
kind = "log"
"""


def loaded(folder: Path, channels: str, rest: str = SITE) -> HubSettings:
    """Load a hub.toml with these channels; secrets lie beside it."""
    (folder / "key").write_text("id\nsecret\n")
    (folder / "urls").write_text("# a group\njson://localhost/\n")
    text = f'state_dir = "{folder}/state"\n{channels.format(folder=folder)}\n{rest}'
    (folder / "hub.toml").write_text(text)
    return load(folder / "hub.toml", HubSettings)


def refusal(folder: Path, channels: str, rest: str = SITE) -> str:
    """Return the one line with which such settings are refused."""
    with pytest.raises(SettingsError) as refused:
        loaded(folder, channels, rest)
    (problem,) = refused.value.problems
    assert "\n" not in str(problem)
    return str(problem)


def test_every_kind_opens(tmp_path: Path) -> None:
    """In the order of the file; what has a thread can be closed."""
    channels = open_channels(loaded(tmp_path, ALIYUN + OTHERS))

    assert {name: type(one) for name, one in channels.items()} == {
        "aliyun": GatewayChannel,
        "modem": GammuSmsd,
        "tencent": GatewayChannel,
        "own": GatewayChannel,
        "group": GatewayChannel,
        "trial": LogChannel,
    }
    assert list(channels)[:2] == ["aliyun", "modem"]
    for channel in channels.values():
        if isinstance(channel, Closing):
            channel.close()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", LogChannel),
        ('[sms]\nchannel = "log"', LogChannel),
        ('[sms]\nchannel = "gammu-smsd"\ndatabase = "{folder}/smsd.db"', GammuSmsd),
    ],
)
def test_an_old_file_is_one_channel(tmp_path: Path, text: str, kind: type) -> None:
    """What [sms] said it still says."""
    channels = open_channels(loaded(tmp_path, text))

    assert [(name, type(one)) for name, one in channels.items()] == [("sms", kind)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[[channels]]\nid = "a"\nkind = "aliyun"', "write its table [channels.aliyun]"),
        ('[[channels]]\nid = "a"\nkind = "gammu-smsd"', "write its table [channels.smsd]"),
        ('[[channels]]\nid = "a"\nkind = "fax"', "kind"),
        ('[[channels]]\nid = "a"\nkind = "log"\n' * 2, "channel a is given 2 times"),
        (
            '[sms]\nchannel = "gammu-smsd"\ndatabase = "x"\n[[channels]]\nid = "a"\nkind = "log"',
            "take `channel` out of [sms]",
        ),
        (
            ALIYUN.replace('params = ["text"]', 'params = ["text"]\nhappening = "opened"'),
            "write one without happening and language",
        ),
        (ALIYUN.replace("key_file", 'endpoint = "http://sms.example.org"\nkey_file'), "endpoint"),
        (
            HTTP + 'http = {{ url = "https://x.org/{{phone}}" }}',
            "{text} stands nowhere",
        ),
        (
            HTTP + 'http = {{ url = "https://x.org/{{phone}}{{text}}{{secret}}" }}',
            "key_file is missing",
        ),
        (
            HTTP + 'http = {{ url = "https://x.org/{{phone}}{{text}}", success = "/code" }}',
            "success and success_values go together",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, text: str, words: str) -> None:
    """Each of them with what to write."""
    assert words in refusal(tmp_path, text)


def test_an_escalation_goes_by_channels_that_are_there(tmp_path: Path) -> None:
    """A step that names a channel that is none is refused when the hub starts, not at night."""
    steps = '[[escalations]]\nid = "county"\nsteps = [{ to = ["li"], channels = ["modme"] }]\n'

    line = refusal(tmp_path, OTHERS, steps + SITE)

    assert "escalation county goes by modme, which is none of group, modem, own" in line


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "does not exist; write the secret there"),
        ("only-one-line\n", "holds 1 lines; write two, the key's id and its secret"),
        (b"\xff\xfe", "is no text in UTF-8"),
    ],
)
def test_secrets_are_looked_at_when_the_hub_starts(
    tmp_path: Path, content: str | bytes | None, words: str
) -> None:
    """A key that is not there is one line at the start, which names the channel and no secret."""
    settings = loaded(tmp_path, ALIYUN)
    key = tmp_path / "key"
    key.unlink()
    if isinstance(content, str):
        key.write_text(content)
    elif content is not None:
        key.write_bytes(content)

    with pytest.raises(ChannelUnusableError, match=words) as error:
        open_channels(settings)
    assert str(error.value).startswith("channel aliyun: ")
    assert "only-one-line" not in str(error.value)


def test_a_relative_key_lies_in_the_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As systemd's LoadCredential= hands it over."""
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    settings = loaded(tmp_path, ALIYUN.replace("{folder}/key", "key"))

    (channel,) = open_channels(settings).values()
    assert isinstance(channel, GatewayChannel)
    channel.close()
