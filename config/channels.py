"""Ways in which messages leave the hub; steps of an escalation name them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from config.base import Name, Section
from config.units import DurationMs

Kind = Literal["gammu-smsd", "aliyun", "tencent", "http", "apprise", "log"]

# The vendors' own are reached through TLS; a plain address is for a test on this machine.
_ENDPOINT = r"^(https://[^\s/?#@]+|http://(127\.0\.0\.1|localhost|\[::1\])(:[0-9]+)?)/?$"

KeyFile = Annotated[
    Path,
    Field(
        description="a file of two lines, the key's id and its secret, such as a systemd "
        "credential; a relative path lies in systemd's credentials directory",
        examples=["sms-key"],
    ),
]
TimeoutS = Annotated[int, Field(ge=1, le=30, description="an answer that takes longer is none")]


class TemplateSettings(Section):
    """An approved template of a gateway."""

    id: Annotated[str, Field(min_length=1, examples=["SMS_15305"])]
    params: Annotated[
        list[str],
        Field(
            description="what fills it, in its order: text (the whole message), code, site, asset",
            examples=[["site", "asset", "text"]],
        ),
    ]
    happening: Annotated[
        str, Field(description="for which messages, such as opened or recovered; empty for all")
    ] = ""
    language: Literal["", "zh", "en"] = ""


Templates = Annotated[
    list[TemplateSettings],
    Field(
        min_length=1,
        description="approved templates; the one that says most about a message is taken, and one "
        "without happening and language must be there",
        examples=[[{"id": "SMS_15305", "params": ["site", "asset", "text"]}]],
    ),
]


def _one_for_all(templates: list[TemplateSettings]) -> None:
    if not any(not one.happening and not one.language for one in templates):
        raise ValueError(
            "every template is for some messages only; write one without happening and language"
        )


class SmsdSettings(Section):
    """A GSM modem through gammu-smsd's SQLite service."""

    database: Annotated[
        Path,
        Field(
            description="the SQLite file of gammu-smsd's SQL service",
            examples=["/var/lib/coldwatch-hub/smsd.db"],
        ),
    ]
    low_signal: Annotated[
        int, Field(ge=0, le=100, description="per cent; weaker than this is told; 0 for never")
    ] = 20
    balance_code: Annotated[
        str,
        Field(
            pattern=r"^([*#][0-9*#]{1,20}#)?$",
            description="USSD code that asks for the card's credit, such as *100#; empty: never asked",
        ),
    ] = ""
    balance_every: Annotated[DurationMs, Field(description="how often it is asked")] = 86_400_000
    low_balance: Annotated[
        int,
        Field(ge=0, description="in whole units of money; less in the answer is told; 0 for never"),
    ] = 0


class AliyunSettings(Section):
    """Alibaba Cloud's SMS service, for mainland numbers."""

    sign_name: Annotated[str, Field(min_length=1, examples=["县疾控中心"])]
    key_file: KeyFile
    templates: Templates
    endpoint: Annotated[str, Field(pattern=_ENDPOINT)] = "https://dysmsapi.aliyuncs.com"
    timeout_s: TimeoutS = 5

    @model_validator(mode="after")
    def _complete(self) -> Self:
        _one_for_all(self.templates)
        return self


class TencentSettings(Section):
    """Tencent Cloud's SMS service."""

    app_id: Annotated[
        str, Field(pattern=r"^[0-9]{6,12}$", description="SmsSdkAppId", examples=["1400006666"])
    ]
    sign_name: Annotated[str, Field(examples=["县疾控中心"])]
    key_file: KeyFile
    templates: Templates
    region: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,32}$")] = "ap-guangzhou"
    endpoint: Annotated[str, Field(pattern=_ENDPOINT)] = "https://sms.tencentcloudapi.com"
    timeout_s: TimeoutS = 5

    @model_validator(mode="after")
    def _complete(self) -> Self:
        _one_for_all(self.templates)
        return self


class HttpSettings(Section):
    """Any gateway that takes a message by one HTTP request.

    {phone}, {text}, {key} and {secret} are put in, each as its place wants it.
    """

    url: Annotated[
        str,
        Field(
            pattern=r"^https?://[^\s@]+$",
            description="of the gateway; no user or password in it",
            examples=["https://sms.example.org/send"],
        ),
    ]
    method: Literal["POST", "PUT", "GET"] = "POST"
    headers: Annotated[
        dict[str, str],
        Field(
            description="Content-Type says how the body is filled in",
            examples=[{"Content-Type": "application/json"}],
        ),
    ] = {}
    body: Annotated[str, Field(examples=['{"to": "{phone}", "text": "{text}", "id": "{key}"}'])] = (
        ""
    )
    key_file: Annotated[
        Path | None,
        Field(description="a file of one line, the secret", examples=["gateway-secret"]),
    ] = None
    statuses: Annotated[
        list[int], Field(description="which say that it was taken; none given: 200 to 299")
    ] = []
    success: Annotated[
        str,
        Field(
            pattern=r"^(/.*)?$",
            description="JSON Pointer to what says so in the answer; empty: the status says it",
        ),
    ] = ""
    success_values: Annotated[
        list[str], Field(description="what stands there then, as text", examples=[["0", "OK"]])
    ] = []
    timeout_s: TimeoutS = 5

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if bool(self.success) != bool(self.success_values):
            raise ValueError("success and success_values go together; write both or none")
        places = [self.url, self.body, *self.headers.values()]
        for piece in ("{phone}", "{text}"):
            if not any(piece in place for place in places):
                raise ValueError(f"{piece} stands nowhere; put it into url or body")
        if any("{secret}" in place for place in places) and self.key_file is None:
            raise ValueError("{secret} is used, and key_file is missing; name the secret's file")
        return self


class AppriseSettings(Section):
    """Groups in DingTalk, WeCom, Feishu, e-mail … through Apprise, an extra of its own."""

    urls_file: Annotated[
        Path,
        Field(
            description="a file with Apprise's addresses, one a line; they hold secrets",
            examples=["apprise-urls"],
        ),
    ]
    timeout_s: TimeoutS = 10


class ChannelSettings(Section):
    """A way in which messages leave. Without any, [sms] is the one there is."""

    id: Annotated[Name, Field(examples=["modem"])]
    kind: Annotated[
        Kind,
        Field(
            description="`log`: written to the log only; each other one has a table of its own below",
            examples=["log"],
        ),
    ]
    # Examples on one line each, for a sample of this file; a table [channels.aliyun] says the same.
    smsd: Annotated[
        SmsdSettings | None,
        Field(
            description="of `gammu-smsd`: its SQL service's SQLite file; also low_signal (20 %), "
            "balance_code, balance_every (1d), low_balance",
            examples=[{"database": "/var/lib/coldwatch-hub/smsd.db", "low_signal": 20}],
        ),
    ] = None
    aliyun: Annotated[
        AliyunSettings | None,
        Field(
            description="of `aliyun`: approved signature and templates, each with what fills it in "
            "its order (`text` is the whole message); key_file has two lines, the key's id and its "
            "secret, and a relative one lies in systemd's credentials directory",
            examples=[
                {
                    "sign_name": "县疾控中心",
                    "key_file": "aliyun-key",
                    "templates": [{"id": "SMS_15305", "params": ["site", "asset", "text"]}],
                }
            ],
        ),
    ] = None
    tencent: Annotated[
        TencentSettings | None,
        Field(
            description="of `tencent`: the same, with SmsSdkAppId",
            examples=[
                {
                    "app_id": "1400006666",
                    "sign_name": "县疾控中心",
                    "key_file": "tencent-key",
                    "templates": [{"id": "1001", "params": ["site", "text"]}],
                }
            ],
        ),
    ] = None
    http: Annotated[
        HttpSettings | None,
        Field(
            description="of `http`: {phone}, {text}, {key} and {secret} (the line of key_file) are "
            "put in, each as its place wants it; success points into the answer",
            examples=[
                {
                    "url": "https://sms.example.org/send",
                    "headers": {
                        "Content-Type": "application/json",
                        "Authorization": "Bearer {secret}",
                    },
                    "body": '{"to": "{phone}", "text": "{text}", "id": "{key}"}',
                    "key_file": "gateway-secret",
                    "success": "/status",
                    "success_values": ["OK"],
                }
            ],
        ),
    ] = None
    apprise: Annotated[
        AppriseSettings | None,
        Field(
            description="of `apprise`: a file with Apprise's addresses, one a line",
            examples=[{"urls_file": "apprise-urls"}],
        ),
    ] = None

    @model_validator(mode="after")
    def _its_table(self) -> Self:
        table = "smsd" if self.kind == "gammu-smsd" else self.kind
        if table != "log" and getattr(self, table) is None:
            raise ValueError(
                f"channel {self.id} is of kind {self.kind}; write its table [channels.{table}]"
            )
        return self
