"""What an error body says, whatever its shape: message, code, type and parameter, without secrets (wire.md D3)."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from . import sse

_MOST = 2000
_MOST_OF_TEXT = 500
_DEEPEST = 10  # a complaint quoted in a complaint takes three steps
_WELL = {"", "0", "200", "ok", "success", "succeed"}  # what services write where nothing went wrong
_MESSAGES = (
    "message",
    "Message",
    "detail",
    "msg",
    "status_msg",
    "error_msg",
    "errorMessage",
    "error_description",
    "title",
    "reason",
)
_ANSWERS = ("choices", "output", "data", "candidates", "content", "embeddings", "result", "results")


class Complaint(NamedTuple):
    """What an error body says: its message (sanitised, at most 2,000 characters), its code and type as text, the offending
    parameter,
    and the seconds to wait where the body tells them."""

    message: str
    code: str = ""
    type: str = ""
    param: str = ""
    retry_after: float | None = None


def complaint(body: bytes) -> Complaint | None:
    """The complaint in a body of any known shape, None where it holds none: error.message, error (string), [{"error"}],
    message, detail (string or
    list), msg, errors[0], base_resp, OpenRouter's metadata.raw, DashScope's code+message, plain text or HTML (title),
    Azure's innererror."""
    text = body.removeprefix(sse.BOM).strip()
    if text in (b"", b"null"):
        return None
    value = _json(text)
    if value is None and re.match(rb"(?:data|event|id|:)", text):
        value = next((value for frame in sse.frames(text + b"\n\n") if (value := _json(frame.data)) is not None), None)
    if isinstance(value, str):
        return _plain(value)
    if value is not None:
        return _clean(_read(value))
    return _plain(text.decode("utf-8", "replace"))


def complaint_in(value: Any) -> Complaint | None:
    """The same for JSON already decoded: a 200 body or a stream frame. None unless it really is an error (`error: null` is
    none)."""
    return _clean(_read(value)) if _complains(value) else None


def _json(text: bytes) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _clean(found: Complaint | None) -> Complaint | None:
    """Without secrets and what cannot be shown, of which some upstreams say nothing else."""
    return found._replace(message=sanitise(found.message) or "no reason given", param=found.param[:200]) if found else None


def _plain(text: str) -> Complaint | None:
    """A page's title, or the text itself."""
    if "<" in text and (titled := re.search(r"<(title|h1)\b[^>]*>(.*?)</\1>", text, re.DOTALL | re.IGNORECASE)):
        text = titled[2]
    text = html.unescape(re.sub(r"<[^<>]*>", " ", text[: 8 * _MOST])) if "<" in text else text
    text = " ".join(text[: 8 * _MOST].split())[:_MOST_OF_TEXT]
    return Complaint(sanitise(text)) if text else None


# -- does it complain? -------------------------------------------------------------------------------------------------


def _complains(value: Any) -> bool:
    match value:
        case [first, *_]:
            return isinstance(first, dict) and bool(first.get("error")) and _complains(first)
        case {"error": dict() | str() | list() | True as error} if error:
            return True
        case {"type": "error"} | {"object": "error"}:
            return True
        case {"base_resp": {"status_code": int(code)}} if code:
            return True
        case {"response": {"error": dict() as error}} if error:
            return True
        case {"choices": [{"error": dict() as error}, *_]} if error:
            return True
        case dict():
            return not any(value.get(name) for name in _ANSWERS) and _complains_in_words(value)
        case _:
            return False


def _complains_in_words(value: dict[str, Any]) -> bool:
    """Errors without an `error`: a code with its message, a lone detail, a list of errors."""
    if any(value.get(name) for name in ("errors", "error_code", "error_msg", "errorMessage")):
        return True
    if isinstance(value.get("ResponseMetadata"), dict):
        return bool(value["ResponseMetadata"].get("Error"))
    said = value.get("message") or value.get("msg")
    if (
        value.get("success") is False
        or set(value) == {"detail"}
        or (set(value) <= {"message", "request_id"} and isinstance(said, str))
    ):
        return True
    return isinstance(said, str) and "code" in value and _word(value["code"]).lower() not in _WELL


# -- what does it say? -------------------------------------------------------------------------------------------------


def _read(value: Any, depth: int = 0) -> Complaint | None:
    """The first complaint in a value of any shape."""
    if depth > _DEEPEST:
        return None
    match value:
        case str():
            return _read_text(value, depth) if value.strip() else None
        case list():
            return next((found for item in value[:8] if (found := _read(item, depth + 1))), None)
        case dict():
            return _read_object(value, depth)
        case _:
            return None


def _read_text(text: str, depth: int) -> Complaint:
    """A message, or another service's whole error in its place."""
    at = text.find("{")
    if 0 <= at < 100 and isinstance(value := _json(text[at:].strip().encode("utf-8", "replace")), dict):
        return _read(value, depth + 1) or Complaint(text.strip())
    return Complaint(text.strip())


def _read_object(value: dict[str, Any], depth: int) -> Complaint | None:
    inner = _inner(value)
    found = _read(inner, depth + 1) if inner is not None else None
    own = _own(value, depth, said=found is None)
    if found is None or own is None:
        return found or own
    return _joined(found, own)


def _inner(value: dict[str, Any]) -> Any:
    """The member that holds the complaint, where it is not the object itself."""
    for name in ("error", "Error", "base_resp", "errors", "header"):
        inner = value.get(name)
        if inner and not isinstance(inner, bool) and not (name == "error" and _is_code(inner) and value.get("message")):
            return inner
    for path in (("response", "error"), ("Response", "Error"), ("ResponseMetadata", "Error"), ("choices", 0, "error")):
        if inner := _at(value, path):
            return inner
    return None


def _is_code(value: Any) -> bool:
    return isinstance(value, str) and " " not in value


def _at(value: Any, path: Iterable[str | int]) -> Any:
    for step in path:
        match value, step:
            case dict(), str():
                value = value.get(step)
            case [first, *_], 0:
                value = first
            case _:
                return None
    return value


def _own(value: dict[str, Any], depth: int, said: bool) -> Complaint | None:
    """What this object itself says; without `said` only what its members add to a complaint found deeper."""
    code = _code(value)
    kind = _word(value.get("type")) or _status_name(value.get("status")) or _word(value.get("__type"))
    found = _message(value, depth) if said else None
    if found is None and not code and (not said or not kind or kind == "error"):
        return None
    read = Complaint(
        message=found.message if found else code or kind,
        code=code,
        type="base_resp" if "status_msg" in value else kind,
        param=_param(value),
        retry_after=_delay(value.get("details")),
    )
    return _joined(found, read) if found else read


def _joined(inner: Complaint, outer: Complaint) -> Complaint:
    """The inner complaint's words; of the codes the one that is more than a number."""
    code, other = inner.code, outer.code
    return Complaint(
        message=inner.message,
        code=other if not code or (code.lstrip("-").isdigit() and other and not other.isdigit()) else code,
        type=inner.type or ("" if outer.type == "error" else outer.type),
        param=inner.param or outer.param,
        retry_after=inner.retry_after if inner.retry_after is not None else outer.retry_after,
    )


def _message(value: dict[str, Any], depth: int) -> Complaint | None:
    """The words of an object, by the names that services use, best first."""
    routed = _at(value, ("metadata", "raw"))  # a router quotes the provider behind it
    for said in (routed, *(value.get(name) for name in _MESSAGES)):
        if said and (found := _read(said, depth + 1)):
            return found
    return None


def _code(value: dict[str, Any]) -> str:
    """The most exact code: a name before a number, and what stands in the details before nothing."""
    names = [_word(value.get(name)) for name in ("code", "Code", "status_code", "error_code", "error")]
    names += [_word(_at(value, ("innererror", "code"))), _reason(value.get("details"))]
    names = [name for name in names if name and " " not in name]
    return next((name for name in names if not name.lstrip("-").isdigit()), names[0] if names else "")


def _word(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value)[:200]


def _status_name(value: Any) -> str:
    """RESOURCE_EXHAUSTED and its like; not the status of a task."""
    return value if isinstance(value, str) else ""


def _param(value: dict[str, Any]) -> str:
    if isinstance(param := value.get("param"), str):
        return param
    if isinstance(location := value.get("loc"), list):  # FastAPI: ["body", "messages", 0, "role"]
        steps = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in location if step != "body"]
        return "".join(steps).removeprefix(".")
    for detail in _details(value.get("details")):
        if field := _at(detail, ("fieldViolations", 0, "field")):
            return _word(field)
    return ""


def _details(value: Any) -> list[dict[str, Any]]:
    return [detail for detail in value if isinstance(detail, dict)] if isinstance(value, list) else []


def _reason(details: Any) -> str:
    return next((_word(detail["reason"]) for detail in _details(details) if "reason" in detail), "")


def _delay(details: Any) -> float | None:
    """google.rpc.RetryInfo: `"retryDelay": "22s"`."""
    for detail in _details(details):
        match = re.fullmatch(r"(\d+(?:\.\d+)?)s", _word(detail.get("retryDelay")))
        if match:
            return float(match[1])
    return None


# -- without secrets ---------------------------------------------------------------------------------------------------

_KEY = r"sk|pk|rk|gsk|xai|csk|psk|nvapi|hf|pisces"
_LONG_KEY = r"ak|pa|pplx|jina|fw|r8|tgp|key|api|token"  # also how models and parameters are called: by length only
_HIDDEN: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), instead)
    for pattern, instead in (
        (r"(?i)\b(?:https?|wss?|grpc)://[^\s\"'<>)\]}`]+", "[url]"),
        (r"(?i)\b(authorization['\"]?\s*[:=]\s*['\"]?)(?:\w+\s+)?[^\s'\",]+", r"\1[key]"),
        (r"(?i)\b(bearer|basic)\s+(?=\S*[\d_*-])[\w.~+/*=-]{6,}", r"\1 [key]"),
        (r"\beyJ[\w-]{8,}(?:\.[\w-]+){1,2}", "[key]"),
        (r"\barn:[\w-]+:\S+", "[resource]"),
        (r"[^\s'\"`*]{0,100}\*{3,}[^\s'\"`]{0,100}", "[key]"),
        (r"\b(?:AIza|ya29\.|AKIA|ASIA|AQ\.)[\w*.-]{6,}", "[key]"),
        (rf"\b(?:{_KEY})[-_][\w*-][\w*.-]{{3,}}[\w*]", "[key]"),
        (rf"\b(?:{_LONG_KEY})[-_](?=[\w-]*\d)[\w-]{{20,}}", "[key]"),
        (
            r"(?i)\b(api[ _-]?key['\"]?(?:\s+(?:provided|given|used|is))?\s*[:=]\s*['\"`]?)(?!\[key\])[^\s,'\"`;]*[^\s,'\"`;.]",
            r"\1[key]",
        ),
        (
            r"(?i)\b((?:access|auth|api|refresh)[ _-]?token|client[ _]?secret|secret[ _]key|password)"
            r"(['\"]?\s*[:=]\s*['\"]?)[^\s,'\"]+",
            r"\1\2[key]",
        ),
        (r"\borg-[A-Za-z0-9]{8,}|\borganizations/[^\s/'\"`]+", "[organization]"),
        (r"\bprojects/[^\s/'\"`,]+", "projects/[project]"),
        (r"\bproj_[A-Za-z0-9]{4,}", "[project]"),
        (r"(?i)\b(project)(\s+|=|:\s*)\d{5,}", r"\1\2[project]"),
        (
            r"(?i)\b(account|tenant|subscription|customer)((?:[ _-]?(?:id|number))?\s*[:=#]?\s*)['\"`]?(?=[\w-]*\d)[\w-]{6,}",
            r"\1\2[account]",
        ),
        (
            r"(?i)\b(organization|organisation|workspace|project|account|tenant|subscription)(\s+(?:id\s+)?)(['\"`]).*?\3",
            r"\1\2[name]",
        ),
        (r"\b(?:acct|user)[-_](?=[A-Za-z]*\d)[A-Za-z0-9]{8,}|\b\d{12}\b", "[account]"),
        (r"\b[\w.+-]{1,64}@[\w-]+\.[\w.-]+\b", "[address]"),
        (r"\b(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[A-Za-z0-9]{32,}(?:\.[A-Za-z0-9]{8,})?\b", "[key]"),
        (
            r"(?i)\b(?:[a-z0-9-]{1,63}\.){1,6}(?:com|cn|net|io|ai|org|dev|app|cloud|local|internal)\b(?::\d+)?(?:/[^\s'\"`,]*)?",
            "[host]",
        ),
        (r"\b(?:\d{1,3}\.){3}\d{1,3}(?::\d+)?\b", "[host]"),
        (r"\blocalhost:\d+", "[host]"),
    )
)


def sanitise(message: str) -> str:
    """Without keys, tokens, account ids, organisation names, URLs of upstreams; the useful text stays."""
    text = message[: 4 * _MOST]
    for pattern, instead in _HIDDEN:
        text = pattern.sub(instead, text)
    return text[:_MOST].strip()
