"""What an answer of a gateway means: one table for all of them, from their codes to decisions.

| decision | what follows |
|---|---|
| sent | the gateway has taken it |
| retry | not now, for this message: the channel tries again by itself, and the next takes over |
| refused | never, for this number or this text: the next channel, and this one no more |
| failing | nothing leaves by this channel until a person does something, or the network is back |

Sources: Aliyun, help.aliyun.com/document_detail/101346.html (API error codes of the SMS service);
Tencent, cloud.tencent.com/document/api/382/52075 with the list in its SDK (errors.go of
sms/v20210111, where each code is explained). A code that stands in neither is judged by the part
before its dot, and else as `retry`: the message is kept, and the next channel has it meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Decision = Literal["sent", "retry", "refused", "failing"]
Vendor = Literal["aliyun", "tencent"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a gateway said to one request.

    Attributes:
        decision: what follows.
        reason: for people, one line without any key; empty where it was sent.
        receipt: by which the gateway can be asked about it later.
    """

    decision: Decision
    reason: str = ""
    receipt: str = ""


# Code: decision, and what people can do about it.
_ALIYUN: Final[dict[str, tuple[Decision, str]]] = {
    "OK": ("sent", ""),
    # Flow control for one number: 1 a minute, 5 an hour, 10 a day for one signature, unless raised.
    "isv.BUSINESS_LIMIT_CONTROL": (
        "retry",
        "too many to this number; raise the limit in the console",
    ),
    "isv.DAY_LIMIT_CONTROL": ("failing", "the day's limit is reached; raise it in the console"),
    "isv.MONTH_LIMIT_CONTROL": ("failing", "the month's limit is reached; raise it in the console"),
    "isp.SYSTEM_ERROR": ("retry", "an error at the gateway"),
    "isp.GATEWAY_ERROR": ("retry", "an error at the gateway"),
    "Throttling.User": ("retry", "too many requests"),
    "Throttling.Api": ("retry", "too many requests"),
    "Throttling": ("retry", "too many requests"),
    "ServiceUnavailable": ("retry", "the gateway is overloaded"),
    "InternalError": ("retry", "an error at the gateway"),
    # This number.
    "isv.MOBILE_NUMBER_ILLEGAL": ("refused", "no valid number; correct it"),
    "isv.MOBILE_COUNT_OVER_LIMIT": ("refused", "too many numbers"),
    "isv.DOMESTIC_NUMBER_NOT_SUPPORTED": ("refused", "the template is not for mainland numbers"),
    "isv.BLACK_KEY_CONTROL_LIMIT": ("refused", "a word in it is not allowed"),
    # This text.
    "isv.SMS_CONTENT_ILLEGAL": ("refused", "the text holds something forbidden"),
    "isv.PARAM_LENGTH_LIMIT": ("refused", "a template parameter is too long"),
    "isv.PARAM_NOT_SUPPORT_URL": ("refused", "a template parameter holds an address"),
    "isv.INVALID_JSON_PARAM": ("refused", "the template parameters are not as the gateway wants"),
    "isv.INVALID_PARAMETERS": ("refused", "the request is not as the gateway wants it"),
    "isv.TEMPLATE_MISSING_PARAMETERS": (
        "refused",
        "the template has parameters that are not given",
    ),
    "isv.TEMPLATE_PARAMS_ILLEGAL": (
        "refused",
        "the template parameters are not of the kinds wanted",
    ),
    "isv.SMS_TEMPLATE_ILLEGAL": ("refused", "no such template is approved; look at the console"),
    "isv.SMS_SIGNATURE_SCENE_ILLEGAL": ("refused", "signature and template do not go together"),
    # Everybody's.
    "isv.AMOUNT_NOT_ENOUGH": ("failing", "the account has no money; top it up"),
    "isv.OUT_OF_SERVICE": ("failing", "the account was stopped for want of money; top it up"),
    "isv.BILLING_DEDUCTION_ERROR": ("failing", "the account cannot be charged"),
    "isv.ACCOUNT_NOT_EXISTS": ("failing", "no such account"),
    "isv.ACCOUNT_ABNORMAL": ("failing", "the account is not in order"),
    "isv.PRODUCT_UN_SUBSCRIPT": ("failing", "the account has not ordered SMS"),
    "isv.PRODUCT_UNSUBSCRIBE": ("failing", "the account has not ordered SMS"),
    "isv.SMS_SIGNATURE_ILLEGAL": ("failing", "the signature is not approved"),
    "isv.SMS_SIGN_ILLEGAL": ("failing", "the signature may not be used"),
    "isv.SIGN_STATE_ILLEGAL": ("failing", "the signature may not be used"),
    "isv.DENY_IP_RANGE": ("failing", "our address is not in mainland China"),
    "isp.RAM_PERMISSION_DENY": ("failing", "the key may not send SMS; give it that right"),
    "InvalidAccessKeyId.NotFound": ("failing", "no such key; look at key_file"),
    "InvalidAccessKeyId.Inactive": ("failing", "the key is switched off"),
    "SignatureDoesNotMatch": ("failing", "the key's secret is wrong; look at key_file"),
    "InvalidTimeStamp.Expired": ("failing", "this machine's clock is wrong by 15 minutes or more"),
    "Forbidden.RAM": ("failing", "the key may not send SMS; give it that right"),
}
_TENCENT: Final[dict[str, tuple[Decision, str]]] = {
    "Ok": ("sent", ""),
    "LimitExceeded.PhoneNumberThirtySecondLimit": ("retry", "too many to this number"),
    "LimitExceeded.PhoneNumberOneHourLimit": ("retry", "too many to this number in an hour"),
    "LimitExceeded.PhoneNumberDailyLimit": ("retry", "too many to this number today"),
    "LimitExceeded.PhoneNumberSameContentDailyLimit": ("retry", "the same text too often today"),
    "LimitExceeded.DeliveryFrequencyLimit": ("retry", "too many to this number"),
    "LimitExceeded.AppDailyLimit": ("failing", "the day's limit is reached; raise it"),
    "LimitExceeded.DailyLimit": ("failing", "the day's limit is reached; raise it"),
    "LimitExceeded.AppMainlandChinaDailyLimit": ("failing", "the day's limit is reached; raise it"),
    "LimitExceeded.AppGlobalDailyLimit": ("failing", "the day's limit is reached; raise it"),
    "LimitExceeded.AppCountryOrRegionDailyLimit": ("failing", "the day's limit is reached"),
    "LimitExceeded.AppCountryOrRegionInBlacklist": ("refused", "the number's country is switched off"),
    "LimitExceeded.PhoneNumberCountLimit": ("refused", "too many numbers"),
    "FailedOperation.PhoneNumberInBlacklist": ("refused", "the number wants no SMS of ours"),
    "FailedOperation.PhoneNumberParseFail": ("refused", "no valid number; correct it"),
    "FailedOperation.ContainSensitiveWord": ("refused", "a word in it is not allowed"),
    "FailedOperation.FailResolvePacket": ("refused", "the request is not as the gateway wants it"),
    "FailedOperation.JsonParseFail": ("refused", "the request is not as the gateway wants it"),
    "FailedOperation.TemplateIncorrectOrUnapproved": ("refused", "the template is not approved"),
    "FailedOperation.TemplateUnapprovedOrNotExist": ("refused", "the template is not approved"),
    "FailedOperation.TemplateIdNotExist": ("refused", "there is no such template"),
    "FailedOperation.TemplateParamSetNotMatchApprovedTemplate": (
        "refused", "the template has another number of parameters",
    ),
    "FailedOperation.SignatureIncorrectOrUnapproved": ("failing", "the signature is not approved"),
    "FailedOperation.InsufficientBalanceInSmsPackage": ("failing", "the SMS are used up; buy more"),
    "FailedOperation.NotEnterpriseCertification": ("failing", "the account is not a company's"),
    "UnauthorizedOperation.SerivceSuspendDueToArrears": ("failing", "the account has no money"),
    "UnauthorizedOperation.RequestIpNotInWhitelist": ("failing", "our address is not allowed"),
    "UnsupportedOperation.ChineseMainlandTemplateToGlobalPhone": (
        "refused", "the template is for mainland numbers only",
    ),
    "UnsupportedOperation.GlobalTemplateToChineseMainlandPhone": (
        "refused", "the template is not for mainland numbers",
    ),
    "UnsupportedOperation.UnsuportedRegion": ("refused", "no SMS to the number's country"),
    "InvalidParameterValue.SdkAppIdNotExist": ("failing", "no such app_id"),
    "InternalError.RequestTimeException": ("failing", "this machine's clock is wrong"),
    "InternalError.SigVerificationFail": ("failing", "the key's secret is wrong; look at key_file"),
    "InternalError.SigFieldMissing": ("failing", "the request is not signed"),
    "AuthFailure.SignatureExpire": ("failing", "this machine's clock is wrong by 5 minutes or more"),
    "AuthFailure.SignatureFailure": ("failing", "the key's secret is wrong; look at key_file"),
    "AuthFailure.SecretIdNotFound": ("failing", "no such key; look at key_file"),
}  # fmt: skip
_TABLES: Final = {"aliyun": _ALIYUN, "tencent": _TENCENT}
# By what stands before the dot, where the code itself is new to us.
_GROUPS: Final[dict[str, dict[str, Decision]]] = {
    "aliyun": {"Throttling": "retry", "Forbidden": "failing", "InvalidAccessKeyId": "failing"},
    "tencent": {
        "LimitExceeded": "retry",
        "RequestLimitExceeded": "retry",
        "InternalError": "retry",
        "ResourceUnavailable": "retry",
        "AuthFailure": "failing",
        "UnauthorizedOperation": "failing",
        "InvalidParameter": "refused",
        "InvalidParameterValue": "refused",
        "MissingParameter": "refused",
        "UnsupportedOperation": "refused",
    },
}


def answer_of(vendor: Vendor, code: str, receipt: str = "") -> Answer:
    """Return what a code of a vendor's means.

    The vendor's own message is left out on purpose: it may repeat what was signed.
    """
    decision, words = _TABLES[vendor].get(code, (None, ""))
    if decision is None:
        decision = _GROUPS[vendor].get(code.partition(".")[0], "retry")
    if decision == "sent":
        return Answer("sent", "", receipt)
    return Answer(decision, f"{vendor} says {code or 'nothing'}" + (f": {words}" if words else ""))


def answer_of_status(status: int) -> Answer | None:
    """Return what the status of an HTTP answer without a code in it means; None where it is good."""
    if 200 <= status < 300:
        return None
    words = f"the gateway answered {status}"
    if status in {408, 425, 429} or status >= 500:
        return Answer("retry", words)
    if 300 <= status < 400 or status in {401, 403, 404, 405, 407}:
        return Answer("failing", f"{words}; look at address and key")
    return Answer("refused", words)
