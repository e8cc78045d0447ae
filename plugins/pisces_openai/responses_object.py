"""The response object and its items, written: what lifecycle events and whole answers of this wire hold (wire.md B2)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pisces_proxy.chat import Citation, OutputFormat, Request, Tool, ToolChoice
from pisces_proxy.errors import PiscesError
from pisces_proxy.plugin import Reply
from pisces_proxy.splice import join
from pisces_proxy.usage import Usage

from . import errors
from .responses_items import SEPARATOR, WIRE

_encode = msgspec.json.Encoder().encode

_NULL, _TRUE, _FALSE = b"null", b"true", b"false"
_LINE, _PARAGRAPH = b"\xe2\x80\xa8", b"\xe2\x80\xa9"
_FAILURES = {"rate_limit": "rate_limit_exceeded", "context_length": "context_length_exceeded"}


def quoted(text: str) -> bytes:
    """JSON text of a string. U+2028 and U+2029 are escaped: some clients take them for line ends, which split an event."""
    raw = _encode(text)
    return raw if text.isascii() else raw.replace(_LINE, b"\\u2028").replace(_PARAGRAPH, b"\\u2029")


# -- items -------------------------------------------------------------------------------------------------------------


def text_part(text: bytes, annotations: Sequence[bytes], logprobs: bytes) -> bytes:
    listed = b",".join(annotations)
    return b'{"type":"output_text","text":%b,"annotations":[%b],"logprobs":%b}' % (text, listed, logprobs)


def refusal_part(text: bytes) -> bytes:
    return b'{"type":"refusal","refusal":%b}' % text


def message_item(id: bytes, status: bytes, parts: Sequence[bytes], phase: str = "") -> bytes:
    said, named = b",".join(parts), b',"phase":' + quoted(phase) if phase else b""
    return b'{"id":%b,"type":"message","status":"%b","content":[%b],"role":"assistant"%b}' % (id, status, said, named)


def reasoning_item(id: bytes, summary: bytes = b"", content: bytes = b"", encrypted: bytes = b"") -> bytes:
    """Absent members stay absent: the SDK's tool runner refuses a null here."""
    raw = b',"content":[%b]' % content if content else b""
    sealed = b',"encrypted_content":%b' % encrypted if encrypted else b""
    return b'{"id":%b,"type":"reasoning","summary":[%b]%b%b}' % (id, summary, raw, sealed)


def call_item(id: bytes, status: bytes, named: bytes, arguments: bytes) -> bytes:
    return b'{"id":%b,"type":"function_call","status":"%b",%b,"arguments":%b}' % (id, status, named, arguments)


def custom_item(id: bytes, status: bytes, named: bytes, text: bytes) -> bytes:
    return b'{"id":%b,"type":"custom_tool_call","status":"%b",%b,"input":%b}' % (id, status, named, text)


def image_item(id: bytes, status: bytes, data: bytes = b"") -> bytes:
    result = b',"result":%b' % data if data else b""
    return b'{"id":%b,"type":"image_generation_call","status":"%b"%b}' % (id, status, result)


def named(call_id: str, name: str, request: Request | None) -> bytes:
    """The members that say which tool is called: a tool inside a namespace gets that name apart."""
    declared = request is not None and any(tool.name == name for tool in request.tools)
    namespace, separator, bare = name.partition(SEPARATOR)
    if not (declared and separator):
        return b'"call_id":%b,"name":%b' % (quoted(call_id), quoted(name))
    return b'"call_id":%b,"name":%b,"namespace":%b' % (quoted(call_id), quoted(bare), quoted(namespace))


def citable(citation: Citation) -> bool:
    """Whether this wire has a form for it: a passage of the client's own document has none."""
    return bool(citation.url or (citation.wire == WIRE and citation.raw))


def annotation(citation: Citation) -> bytes:
    """A source; this wire's own form as it was."""
    if citation.wire == WIRE and citation.raw:
        return citation.raw
    return _encode(
        {
            "type": "url_citation",
            "start_index": citation.start,
            "end_index": citation.end,
            "url": citation.url,
            "title": citation.title,
        }
    )


# -- the response object -----------------------------------------------------------------------------------------------


def response_object(
    reply: Reply,
    id: str,
    status: str,
    output: Sequence[bytes] = (),
    usage: bytes = _NULL,
    error: bytes = _NULL,
    incomplete: bytes = _NULL,
    extra: bytes = b"",
) -> bytes:
    """Members that this gateway does not know of the request hold what the API would say by default."""
    members: dict[str, bytes | msgspec.Raw] = {
        "id": quoted(id),
        "object": b'"response"',
        "created_at": b"%d" % reply.created,
        "status": quoted(status),
        "background": _FALSE,
        "error": error,
        "incomplete_details": incomplete,
        "model": quoted(reply.model),
        "output": b"[" + b",".join(output) + b"]",
        **_echo(reply.request),
        "usage": usage,
    }
    if extra:
        members["service_tier"] = extra
    if reply.extension:
        members["pisces"] = reply.extension
    return join(members)


def _echo(request: Request | None) -> dict[str, bytes | msgspec.Raw]:
    """What the client asked for, said back."""
    request = request or Request(model="", turns=())
    wish = request.thinking
    return {
        "instructions": quoted("\n\n".join(text.text for text in request.system)) if request.system else _NULL,
        "max_output_tokens": _encode(request.max_tokens),
        "parallel_tool_calls": _FALSE if request.parallel_tool_calls is False else _TRUE,
        "previous_response_id": _NULL,
        "reasoning": _encode({"effort": wish and wish.effort, "summary": (wish and wish.summary) or None}),
        "store": _TRUE if any(loss.field == "store" for loss in request.losses) else _FALSE,
        "temperature": _encode(1.0 if request.temperature is None else request.temperature),
        "text": _text(request),
        "tool_choice": _choice(request.tool_choice, request.tools),
        "tools": b"[" + b",".join(_tools(request)) + b"]",
        "top_logprobs": _encode(request.top_logprobs or 0),
        "top_p": _encode(1.0 if request.top_p is None else request.top_p),
        "truncation": b'"disabled"',
        "user": quoted(request.user) if request.user else _NULL,
        "metadata": request.metadata or b"{}",
    }


def _text(request: Request) -> bytes:
    return b'{"format":%b,"verbosity":%b}' % (_format(request.output), quoted(request.verbosity or "medium"))


def _format(output: OutputFormat | None) -> bytes:
    if output is None or output.kind == "text":
        return b'{"type":"text"}'
    if output.kind == "json":
        return b'{"type":"json_object"}'
    strict = _TRUE if output.strict else _FALSE
    name = quoted(output.name or "response")
    return b'{"type":"json_schema","name":%b,"schema":%b,"strict":%b}' % (name, output.schema or b"{}", strict)


def _choice(choice: ToolChoice | None, tools: Sequence[Tool]) -> bytes:
    if choice is None or not choice.names:
        return quoted(choice.mode if choice else "auto")
    custom = {tool.name for tool in tools if tool.custom}
    listed = [{"type": "custom" if name in custom else "function", "name": name} for name in choice.names]
    if choice.mode == "required" and len(listed) == 1:
        return _encode(listed[0])
    return _encode({"type": "allowed_tools", "mode": choice.mode, "tools": listed})


def _tools(request: Request) -> list[bytes]:
    return [_tool(tool) for tool in request.tools] + [tool.raw for tool in request.server_tools if tool.wire == WIRE]


def _tool(tool: Tool) -> bytes:
    said = b',"description":' + quoted(tool.description) if tool.description else b""
    if tool.custom:
        form = b',"format":' + tool.grammar if tool.grammar else b""
        return b'{"type":"custom","name":%b%b%b}' % (quoted(tool.name), said, form)
    schema = tool.schema or b'{"type":"object","properties":{}}'
    strict = _FALSE if tool.strict is False else _TRUE  # what the API assumes where it is not said
    return b'{"type":"function","name":%b%b,"parameters":%b,"strict":%b}' % (quoted(tool.name), said, schema, strict)


def usage_object(usage: Usage) -> bytes:
    """Always with both details: strict clients read them unguarded (H120)."""
    return (
        b'{"input_tokens":%d,"input_tokens_details":{"cached_tokens":%d,"cache_write_tokens":%d},'
        b'"output_tokens":%d,"output_tokens_details":{"reasoning_tokens":%d},"total_tokens":%d}'
    ) % (usage.input, usage.cached_input, usage.cache_write, usage.output, usage.reasoning, usage.total)


# -- failures ----------------------------------------------------------------------------------------------------------


def failure(error: PiscesError) -> bytes:
    """The `error` of a failed response. Clients tell by the code whether to try again: any other is the server's (D4)."""
    code = _FAILURES.get(error.kind) or (errors.words(error)[1] if error.fault == "client" else "server_error")
    return b'{"code":%b,"message":%b}' % (quoted(code), _encode(error.message.encode("utf-8", "replace").decode()))


def error_event(error: PiscesError, sequence: int) -> bytes:
    """The event for a failure before there is a response. Flat as documented, and with the `error` object that OpenAI really
    sends and its SDKs raise for."""
    inner = errors.error_object(error)
    flat = msgspec.json.decode(inner, type=dict[str, str | None])
    code, message, param = (_encode(flat.get(name)) for name in ("code", "message", "param"))
    return b'event: error\ndata: {"type":"error","code":%b,"message":%b,"param":%b,"error":%b,"sequence_number":%d}\n\n' % (
        code, message, param, inner, sequence,
    )  # fmt: skip
