"""Gemini generateContent as the vendor serves it: camelCase, paired function responses, thought signatures enforced."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any

from .script import COUNT, Heard, Refused, Said, pieces
from .strict import decoded, known, need, typed, words

FIELDS = words("contents systemInstruction tools toolConfig safetySettings cachedContent generationConfig labels serviceTier")
CONFIG = words(
    """temperature topP topK candidateCount maxOutputTokens stopSequences seed presencePenalty frequencyPenalty
    responseLogprobs logprobs responseMimeType responseSchema responseJsonSchema responseModalities thinkingConfig
    imageConfig speechConfig mediaResolution"""
)
PAYLOADS = {"text", "inlineData", "fileData", "functionCall", "functionResponse", "executableCode", "codeExecutionResult"}
MODIFIERS = {"thought", "thoughtSignature", "videoMetadata", "mediaResolution", "partMetadata"}
SCHEMA = words(
    """type format title description nullable enum items minItems maxItems properties required propertyOrdering anyOf minimum
    maximum minLength maxLength pattern example default minProperties maxProperties"""
)
SIGNATURE = base64.b64encode(b"\x12\x83\x01\x0a" + bytes(range(251, 256)) * 25 + b">?").decode()
# documented stand-ins for a signature that is lost; base64 as they stand
SENTINELS = {
    base64.urlsafe_b64decode(text) for text in ("skip_thought_signature_validator", "context_engineering_is_the_way_to_go")
}
STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
    529: "UNAVAILABLE",
}

COUNTED = "contents generateContentRequest"


class GeminiGenerate:
    wire = "gemini.generate"
    provider = "gemini"
    prefix = "/v1beta"
    model = "gemini-3-flash-preview"

    def routes(self) -> list[str]:
        return ["/models/{call}"]

    def count(self, path: str, body: Any) -> dict[str, Any] | None:
        if not path.endswith(":countTokens"):
            return None
        known("body", body, words(COUNTED))
        return {"totalTokens": COUNT}

    def content_type(self, query: Mapping[str, str]) -> str:
        return "text/event-stream" if query.get("alt") == "sse" else "application/json"

    # -- requests

    def hear(self, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: Any) -> Heard:
        need(headers.get("x-goog-api-key") == "upstream-key", "API key not valid. Please pass a valid API key.")
        model, _, verb = path.rpartition("/")[2].partition(":")
        need(verb in ("generateContent", "streamGenerateContent"), f"unknown verb {verb!r}")
        body = _camel(body)
        known("body", body, FIELDS)
        config = body.get("generationConfig", {})
        known("generation_config", config, CONFIG)
        heard = Heard(model=model, stream=verb == "streamGenerateContent")
        heard.thinks = bool(config.get("thinkingConfig", {}).get("includeThoughts"))
        heard.form = "sse" if query.get("alt") == "sse" else "array"
        heard.tools = tuple(name for tool in body.get("tools", []) for name in _declared(tool))
        need("toolConfig" not in body or heard.tools, "Function calling config is set without function_declarations.")
        heard.schema = _schema(config)
        heard.system = "".join(part["text"] for part in body.get("systemInstruction", {}).get("parts", []))
        _read(body, heard)
        return heard

    # -- answers

    def whole(self, said: Said, heard: Heard) -> dict[str, Any]:
        return self._chunk(_parts(said, heard), heard, _finish(said), _usage(said))

    def _chunk(self, parts: list[Any], heard: Heard, finish: str = "", usage: dict[str, Any] | None = None) -> dict[str, Any]:
        candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
        if finish:
            candidate["finishReason"] = finish
        counted = {"usageMetadata": usage} if usage else {}
        return {"candidates": [candidate], **counted, "modelVersion": heard.model, "responseId": "gm_up1"}

    def frames(self, said: Said, heard: Heard) -> list[bytes]:
        chunks = [self._chunk([part], heard, usage=_so_far(said)) for part in _pieces(_parts(said, heard))]
        last: list[dict[str, Any]] = [{"text": ""}]
        if chunks and "functionCall" not in chunks[-1]["candidates"][0]["content"]["parts"][0]:
            last = chunks.pop()["candidates"][0]["content"]["parts"]
        chunks.append(self._chunk(last, heard, _finish(said), _usage(said)))
        if heard.form == "sse":
            return [_frame(chunk) for chunk in chunks]
        lines = [json.dumps(chunk, ensure_ascii=False, indent=2).encode() for chunk in chunks]
        return [b"[" + lines[0], *(b",\r\n" + line for line in lines[1:]), b"]"]

    def refusal(self, refused: Refused) -> dict[str, Any]:
        status = STATUS.get(refused.status, "INTERNAL")
        return {"error": {"code": refused.status, "message": refused.message, "status": status, "details": []}}

    def error_frame(self, refused: Refused) -> bytes:
        return _frame(self.refusal(refused))


AS_IT_IS = {"args", "response", "properties", "labels", "parametersJsonSchema", "responseJsonSchema"}


def _camel(value: Any) -> Any:
    """Google takes snake_case and camelCase alike, even mixed; not inside the caller's own data."""
    match value:
        case dict():
            named = {re.sub(r"_([a-z])", lambda found: found[1].upper(), name): inner for name, inner in value.items()}
            return {name: inner if name in AS_IT_IS else _camel(inner) for name, inner in named.items()}
        case list():
            return [_camel(inner) for inner in value]
    return value


def _bytes(where: str, text: str) -> bytes:
    """Both alphabets."""
    return decoded(where, text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4))


def _declared(tool: Any) -> list[str]:
    known("tools[]", tool, ["functionDeclarations", "googleSearch", "urlContext", "codeExecution"])
    names = []
    for declaration in tool.get("functionDeclarations", []):
        fields = "name description parameters parametersJsonSchema response responseJsonSchema behavior"
        known("function_declarations[]", declaration, fields.split())
        need(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.:-]{0,127}", declaration["name"]), "Invalid function name.")
        if "parameters" in declaration:
            need("parametersJsonSchema" not in declaration, "only one of parameters and parametersJsonSchema")
            _google_schema(declaration["parameters"])
        names.append(declaration["name"])
    return names


def _google_schema(schema: Any) -> None:
    known("Schema", schema, SCHEMA)
    need(schema.get("type", "").upper() != "OBJECT" or schema.get("properties"), "should be non-empty for OBJECT type")
    for inner in (*schema.get("properties", {}).values(), *schema.get("anyOf", ())):
        _google_schema(inner)
    if "items" in schema:
        _google_schema(schema["items"])


def _schema(config: dict[str, Any]) -> Any:
    schema = config.get("responseJsonSchema", config.get("responseSchema"))
    need(schema is None or config.get("responseMimeType") == "application/json", "response_mime_type must be json")
    if "responseSchema" in config:
        _google_schema(config["responseSchema"])
    return schema


def _read(body: Any, heard: Heard) -> None:
    contents = typed("contents", body.get("contents"), list)
    need(contents and contents[0].get("role", "user") == "user", "the first content must be with role 'user'")
    calls: list[Any] = []
    for number, content in enumerate(contents):
        where = f"contents[{number}]"
        known(where, content, ["role", "parts"])
        need(content.get("role", "user") in ("user", "model"), f"{where}.role: use user or model")
        need(content.get("parts"), f"{where}.parts: must not be empty")
        for part in content["parts"]:
            _part(where, part, content.get("role", "user"), heard)
        _answers(where, calls, content["parts"])
        calls = [part["functionCall"] for part in content["parts"] if "functionCall" in part]
        if calls:
            _proof(where, next(part for part in content["parts"] if "functionCall" in part), heard)
    need(not calls, "contents must not end with a function call")


def _answers(where: str, calls: list[Any], parts: list[Any]) -> None:
    answers = [part["functionResponse"] for part in parts if "functionResponse" in part]
    need(len(answers) == len(calls), "the number of function response parts must equal the number of function call parts")
    need(not answers or len(answers) == len(parts), f"{where}: function responses stand alone")
    for call, answer in zip(calls, answers, strict=True):
        need(call["name"] == answer["name"], f"{where}: {answer['name']} answers {call['name']}")
        need(call.get("id") == answer.get("id"), f"{where}: ids differ: {call.get('id')} and {answer.get('id')}")


def _proof(where: str, part: Any, heard: Heard) -> None:
    """Gemini 3: the first call of a step carries the signature it was made with, or a documented stand-in."""
    need("thoughtSignature" in part, f"{where}: Function call is missing a thought_signature in functionCall parts.")
    signature = _bytes(where, part["thoughtSignature"])
    heard.proven = signature == base64.b64decode(SIGNATURE)
    need(heard.proven or signature in SENTINELS, f"{where}: Corrupted thought signature.")


def _part(where: str, part: Any, role: str, heard: Heard) -> None:
    known(where, part, PAYLOADS | MODIFIERS)
    need(len(PAYLOADS & set(part)) == 1, f"{where}: exactly one kind of data per part, got {sorted(part)}")
    match part:
        case {"text": str(text)}:
            heard.echoed += bool(part.get("thought"))
            if role == "user":
                heard.texts.append(text)
        case {"inlineData": data}:
            known(where, data, ["mimeType", "data", "displayName"])
            heard.images.append((data["mimeType"], _bytes(where, data["data"])))
        case {"functionCall": call}:
            known(where, call, ["id", "name", "args"])
            typed(f"{where}.args", call.get("args", {}), dict)
        case {"functionResponse": answer}:
            known(where, answer, ["id", "name", "response", "parts", "willContinue", "scheduling"])
            need("thoughtSignature" not in part, f"{where}: no signature on a function response")
            heard.results.append((answer["name"], _said(typed(where, answer["response"], dict))))


def _said(response: dict[str, Any]) -> str:
    value = response.get("output", response.get("result", response))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _parts(said: Said, heard: Heard) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = []
    if said.thinking and heard.thinks:
        parts.append({"text": said.thinking, "thought": True})
    if said.text:
        parts.append({"text": said.text})
    for number, call in enumerate(said.calls):
        part = {"functionCall": {"id": f"fc_up{number}", "name": call.name, "args": json.loads(call.arguments)}}
        parts.append(part | ({"thoughtSignature": SIGNATURE} if number == 0 else {}))  # only the first call of a step
    if said.proof and not said.calls:
        parts.append({"text": "", "thoughtSignature": SIGNATURE})
    return parts


def _pieces(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {**part, "text": piece} if "text" in part else part
        for part in parts
        for piece in (pieces(part["text"]) or [""] if "text" in part else [""])
    ]


def _finish(said: Said) -> str:
    return "MAX_TOKENS" if said.stop == "length" else "STOP"  # calls end with STOP too


def _so_far(said: Said) -> dict[str, Any]:
    return {"promptTokenCount": said.counted.input, "totalTokenCount": said.counted.input}


def _usage(said: Said) -> dict[str, Any]:
    counted = said.counted
    usage = {
        "promptTokenCount": counted.input,
        "candidatesTokenCount": counted.output - counted.reasoning,
        "cachedContentTokenCount": counted.cached,
        "totalTokenCount": counted.input + counted.output,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": counted.input}],
    }
    return usage | ({"thoughtsTokenCount": counted.reasoning} if counted.reasoning else {})


def _frame(value: Any) -> bytes:
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\r\n\r\n"
