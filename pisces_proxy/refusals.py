"""What an upstream's refusal means: every error shape seen in the wild, as one of ours (wire.md D3).

The one place that looks at upstream texts, as a table of patterns; the core beyond it looks at types only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from . import errors
from .complaints import Complaint, complaint, complaint_in, sanitise
from .errors import PiscesError, UpstreamError

__all__ = ["Complaint", "complaint", "complaint_in", "of_task", "sanitise", "understand"]

_Kind = type[PiscesError]

# Codes and types that mean the same under every status. Compared without case and punctuation.
_CODES: dict[_Kind, str] = {
    errors.UpstreamUnfunded: """
        insufficientquota insufficientuserquota insufficientbalance insufficientcredits insufficientfunds billingerror
        billinghardlimitreached
        billingnotactive arrearage accountoverdueerror accountoverdue exceededcurrentquotaerror quotaexceeded
        paymentrequired 1113
        allocationquotafreetieronly prepaidbilloverdue postpaidbilloverdue usagelimitreached creditsexhausted outofcredits""",
    errors.UpstreamModelMissing: """
        modelnotfound modelnotfounderror modelnotexist modeldoesnotexist deploymentnotfound invalidendpointormodelnotfound
        unsupportedmodel resourcenotfoundexception modelnotsupported invalidmodel modelunavailable 1211""",
    errors.ContextTooLong: """
        contextlengthexceeded contextlengthexceedederror exceedcontextsizeerror contextwindowexceeded promptistoolong
        modelcontextwindowexceeded inputtoolong 1261""",
    errors.ContentRefused: """
        contentfilter contentpolicyviolation contentfiltered contentpolicy moderationblocked responsibleaipolicyviolation
        datainspectionfailed contentmoderationfailed inputtextsensitivecontentdetected inputimagesensitivecontentdetected
        outputtextsensitivecontentdetected outputimagesensitivecontentdetected sensitivecontentdetected riskcontrol
        prohibitedcontent
        contentsafety ipinfringementsuspect 1301""",
    errors.UpstreamRateLimited: """
        ratelimitexceeded ratelimiterror ratelimitreached ratelimit ratelimited ratelimitreachederror toomanyrequests
        requestlimitexceeded
        toomanyrequestsexception throttlingexception resourceexhausted 1302 1303 1304""",
    errors.UpstreamOverloaded: """
        overloadederror overloaded engineoverloaded engineoverloadederror serveroverloaded unavailable serviceunavailable
        serviceunavailableexception serviceunavailableerror modelnotreadyexception slowdown modelserviceunavailable
        capacityexceeded 1305""",
    errors.UpstreamTimeout: """
        timeout timeouterror deadlineexceeded modeltimeoutexception gatewaytimeout requesttimeout upstreamtimeout
        requesttimeouterror""",
    errors.UpstreamUnauthorized: """
        invalidapikey apikeyinvalid incorrectapikey invalidauthentication authenticationerror invalidauthenticationerror
        unauthenticated
        unauthorized accessdenied accessdeniedexception unrecognizedclientexception expiredtokenexception permissionerror
        permissiondenied
        apikeyexpired apikeydisabled apikeyservicedisabled accountdeactivated invalidiamtoken missingapikey""",
    errors.TooLarge: "requesttoolarge payloadtoolarge requestbodytoolarge",
    errors.ProofRefused: "invalidencryptedcontent thinkingsignatureinvalid",
}
# Names too general to overrule an HTTP status: they decide where the status is 200.
_WEAK_CODES: dict[_Kind, str] = {
    errors.BadRequest: """
        invalidrequesterror invalidargument badrequest badrequesterror invalidparameter invalidparameterexception
        validationexception
        validationerror invalidrequest failedprecondition outofrange unsupportedparameter missingrequiredparameter
        toolusefailed 1210 1214""",
    errors.UpstreamModelMissing: "notfound notfounderror",
    errors.UpstreamBroken: """
        internal internalerror internalservererror servererror apierror internalserverexception modelstreamerrorexception
        upstreamerror badgateway unknown""",
}
# base_resp of MiniMax counts for itself: https://platform.minimax.io/docs/api-reference/errorcode
_BASE_RESP: dict[_Kind, str] = {
    errors.UpstreamTimeout: "1001",
    errors.UpstreamRateLimited: "1002 1039 1041 2045 2056",
    errors.UpstreamUnauthorized: "1004 2049",
    errors.UpstreamUnfunded: "1008",
    errors.ContentRefused: "1026 1027",
    errors.BadRequest: "1042 1043 1044 2013 2037 2038 2039 2042 2048",
}
_BY_CODE = {code: kind for kind, codes in _CODES.items() for code in codes.split()}
_BY_WEAK_CODE = {code: kind for kind, codes in _WEAK_CODES.items() for code in codes.split()}
_BY_BASE_RESP = {code: kind for kind, codes in _BASE_RESP.items() for code in codes.split()}
_CODE_BEGINS: tuple[tuple[str, _Kind], ...] = (  # DashScope: Throttling.RateQuota, InvalidApiKey.Expired, ...
    ("throttlingallocationquota", errors.UpstreamRateLimited),
    ("throttling", errors.UpstreamRateLimited),
    ("invalidapikey", errors.UpstreamUnauthorized),
    ("datainspection", errors.ContentRefused),
    ("ratelimit", errors.UpstreamRateLimited),
    ("invalidparameter", errors.BadRequest),
)

_REQUEST = frozenset({200, 400, 413, 422})
_ANY = frozenset(range(200, 600))
_FAULT = frozenset(range(500, 600))
# Words, where codes say nothing: the class, under which statuses they count, the patterns.
_PHRASES: tuple[tuple[_Kind, frozenset[int], tuple[str, ...]], ...] = (
    (
        errors.UpstreamUnfunded,
        _ANY,
        (
            r"credit balance is too low",
            r"insufficient[ _]?(?:account )?(?:balance|credits?|funds|quota)",
            r"exceeded your current quota",
            r"(?:balance|credits?) (?:is |are )?(?:not enough|exhausted|insufficient|depleted)",
            r"requires more credits|out of credits|not enough credits",
            r"billing (?:hard )?limit|in arrears|account (?:is )?overdue|payment required",
            r"余额不足|欠费|额度不足",
        ),
    ),
    (
        errors.ProofRefused,  # wire.md C6
        frozenset({200, 400, 422}),
        (
            r"thought[ _]?signature|encrypted[ _](?:content|reasoning)|thinking\W{0,3} block|expected \W?thinking\b",
            r"verified to (?:generate|use|stream) reasoning summar",
            r"signature.{0,40}(?:thinking|reasoning)|(?:thinking|reasoning).{0,40}signature",
        ),
    ),
    (
        errors.ContextTooLong,
        _REQUEST | _FAULT,
        (
            r"max(?:imum)? context (?:length|size)|context[ _](?:window|length|size)",
            r"(?:prompt|input|conversation) (?:is )?too long|too many (?:input|prompt) tokens",
            r"input token count.{0,40}exceeds|input length.{0,60}exceed|range of input length",
            r"exceeds the (?:model's )?maximum (?:context|number of tokens)",
            r"maximum (?:input|prompt) (?:length|tokens)|上下文.{0,10}(?:超|长)",
        ),
    ),
    (
        errors.UpstreamUnauthorized,
        frozenset({200, 400, 422}),
        (
            r"(?:incorrect|invalid|missing|wrong|expired|no) (?:x-)?api[- _]?key|valid api key",
            r"api[- _]?key.{0,60}(?:not valid|invalid|expired|not found|missing|incorrect)",
            r"authentication fail|invalid (?:authentication|access token|bearer)|未授权|无效的(?:令牌|密钥)",
        ),
    ),
    (
        errors.ContentRefused,
        _REQUEST | {451},
        (
            r"content (?:management )?polic|content[ _]filter|content safety|(?:usage|safety) polic|safety system",
            r"sensitive (?:content|information|words?|material|data)|contains? sensitive|inappropriate content",
            r"敏感|违规|违法",
        ),
    ),
    (
        errors.UpstreamModelMissing,
        frozenset({200, 400, 404, 422}),
        (
            r"\bmodels?\b[^.]{0,80}? (?:does not exist|(?:was |is )?not found)",
            r"\bmodels?\b[^.]{0,80}? (?:has been deprecated|is (?:no longer|not) available)",
            r"model not exist|not a valid model|(?:unknown|no such|unsupported) model|invalid model (?:name|id)|模型不存在",
        ),
    ),
    (
        errors.UpstreamRateLimited,
        frozenset({200, 403}),
        (r"rate[ _-]?limit|too many requests|(?:requests|tokens) per (?:second|minute|day)|限流|请求过于频繁",),
    ),
    (errors.UpstreamOverloaded, _FAULT | {200}, (r"overloaded|(?:at|over) capacity|temporarily unavailable|服务繁忙|负载",)),
    (errors.UpstreamTimeout, frozenset({200}), (r"timed? ?out|deadline exceeded",)),
)
_WORDS = tuple((re.compile("|".join(said), re.IGNORECASE), kind, statuses) for kind, statuses, said in _PHRASES)

_STATUSES: dict[int, _Kind] = {
    401: errors.UpstreamUnauthorized,
    402: errors.UpstreamUnfunded,
    403: errors.UpstreamUnauthorized,
    404: errors.UpstreamModelMissing,
    405: errors.UpstreamBroken,  # the channel's address is wrong, not the client's request
    407: errors.UpstreamBroken,
    408: errors.UpstreamTimeout,
    409: errors.UpstreamOverloaded,  # a conflict inside the upstream: the SDKs repeat it
    413: errors.TooLarge,
    424: errors.UpstreamBroken,  # ModelStreamErrorException
    425: errors.UpstreamOverloaded,
    429: errors.UpstreamRateLimited,
    499: errors.UpstreamTimeout,
    451: errors.ContentRefused,
    503: errors.UpstreamOverloaded,
    504: errors.UpstreamTimeout,
    524: errors.UpstreamTimeout,
    529: errors.UpstreamOverloaded,
}


def understand(status: int, headers: Mapping[str, str], found: Complaint | None) -> PiscesError:
    """The error class (errors.py) for an HTTP status and a complaint; `status` is 200 for an error inside a good answer or
    stream.
    Sets retry_after from retry-after(-ms), x-ratelimit-reset*, RetryInfo; upstream_status on UpstreamErrors."""
    said = found or Complaint("")
    if not said.code and (name := _header(headers, "x-amzn-errortype")):  # "ThrottlingException:http://..."
        said = said._replace(code=name.partition(":")[0])
    kind = _kind(status, said)
    error = _made(kind, status, said)
    if isinstance(error, UpstreamError):
        error.upstream_status = status
        error.retry_after = _wait(headers, said)
    return error


def of_task(code: str, message: str) -> tuple[str, str]:
    """(code, message) of a task that its upstream calls failed, as its owner may read them: one code for content that was
    refused, nothing about the gateway's own account."""
    error = understand(200, {}, Complaint(sanitise(message), code=code))
    if isinstance(error, errors.ContentRefused | errors.UpstreamUnauthorized | errors.UpstreamUnfunded):
        return error.kind, error.message
    return code or "failed", error.message if message else "The upstream's task failed, and it did not say why."


def _made(kind: _Kind, status: int, said: Complaint) -> PiscesError:
    if kind is errors.UpstreamUnauthorized:  # its words are about our key: the client would take them for its own
        return kind(f"The upstream refused the gateway's own credential ({status}).", details=_upstream(said))
    if kind is errors.UpstreamUnfunded:
        return kind("The gateway's account with the upstream is out of funds.", details=_upstream(said))
    message = said.message or f"The upstream answered {status} and did not say why."
    if kind in (errors.BadRequest, errors.ProofRefused):
        code = None if said.code.lstrip("-").isdigit() else said.code
        return kind(message, param=said.param or None, code=code or None)
    return kind(message, param=said.param or None)


def _upstream(said: Complaint) -> dict[str, str]:
    return {"upstream_message": said.message} if said.message else {}


# -- which class -------------------------------------------------------------------------------------------------------


def _kind(status: int, said: Complaint) -> _Kind:
    names = [_bare(name) for name in (said.code, said.type) if name]
    if said.type == "base_resp":
        return _BY_BASE_RESP.get(said.code, errors.UpstreamBroken)
    if status == 200 and (told := _http(said.code)):
        return _kind(told, said._replace(code=""))
    kind = _by_code(names, status) or _by_words(status, said.message) or _STATUSES.get(status)
    if kind is not None:
        return kind
    if status == 200:
        return next((_BY_WEAK_CODE[name] for name in names if name in _BY_WEAK_CODE), errors.UpstreamBroken)
    return errors.BadRequest if 400 <= status < 500 else errors.UpstreamBroken


def _bare(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.rpartition("#")[2].lower())


def _http(code: str) -> int:
    return int(code) if len(code) == 3 and code.isdigit() and "400" <= code < "600" else 0


def _by_code(names: list[str], status: int) -> _Kind | None:
    for name in names:
        if name in _BY_CODE:
            return _BY_CODE[name]
        for begin, kind in _CODE_BEGINS:
            if name.startswith(begin) and (kind is not errors.BadRequest or status == 200):
                return kind
    return None


def _by_words(status: int, message: str) -> _Kind | None:
    return next((kind for pattern, kind, statuses in _WORDS if status in statuses and pattern.search(message)), None)


# -- how long to wait --------------------------------------------------------------------------------------------------

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_AGAIN_IN = re.compile(r"(?:again|retry) in ((?:\d+(?:\.\d+)?(?:ms|s|m|h|d) ?){1,4})\b", re.IGNORECASE)
_EPOCH = 1_000_000_000  # a larger number is a time, not a span


def _wait(headers: Mapping[str, str], said: Complaint) -> float | None:
    if (milliseconds := _number(_header(headers, "retry-after-ms"))) is not None:
        return milliseconds / 1000
    if (seconds := _span(headers, _header(headers, "retry-after"))) is not None:
        return seconds
    if said.retry_after is not None:
        return said.retry_after
    if again := _AGAIN_IN.search(said.message):
        return _duration(again[1].replace(" ", ""))
    return _reset(headers)


def _reset(headers: Mapping[str, str]) -> float | None:
    """When the exhausted limit is whole again."""
    spans = [
        _span(headers, _header(headers, f"x-ratelimit-reset-{what}"))
        for what in ("requests", "tokens")
        if _header(headers, f"x-ratelimit-remaining-{what}") in ("", "0")
    ]
    known = [span for span in spans if span is not None]
    return max(known) if known else _span(headers, _header(headers, "x-ratelimit-reset"))


def _span(headers: Mapping[str, str], text: str) -> float | None:
    """Seconds, from a number, a duration (`6m0s`), a date, or a unix time (in seconds or milliseconds)."""
    if not text:
        return None
    number = _number(text)
    if number is None:
        return _duration(text) if _DURATION.match(text) else _since(headers, _time(text))
    if number < _EPOCH:
        return number
    return _since(headers, number / 1000 if number > 1000 * _EPOCH else number)


def _since(headers: Mapping[str, str], moment: float | None) -> float | None:
    """The span up to a moment, by the clock of the one who named it."""
    now = _time(_header(headers, "date"))
    return max(0.0, moment - now) if moment is not None and now is not None else None


def _time(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"\d{1,15}(?:\.\d+)?", text) else None


def _duration(text: str) -> float | None:
    if not re.fullmatch(rf"(?:{_DURATION.pattern})+", text):
        return None
    return sum(float(amount) * _SECONDS[unit] for amount, unit in _DURATION.findall(text))


def _header(headers: Mapping[str, str], name: str) -> str:
    """A header by its lower-case name, also where the mapping minds the case."""
    return (headers.get(name) or headers.get(name.title()) or "").strip()
