"""Tool calls as they stream in: whatever order their pieces come in, they go out one after the other, each whole."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from pisces_proxy import arguments
from pisces_proxy.chat import BlockEnd, BlockStart, Delta, Event, Signature, ToolCall

from .chat_frames import NOTHING, Call, MaybeRaw, Raw, read_text

_PLACEHOLDER = 8  # letters
_valid = msgspec.json.Decoder(Raw).decode


class _Open:
    """One call while it comes in. What is held is not yet out: a later call's pieces, a `{}` that may be a placeholder."""

    __slots__ = ("closed", "custom", "held", "id", "name", "opened", "ordinal", "pieces", "signature", "size")

    def __init__(self, ordinal: int) -> None:
        self.ordinal = ordinal
        self.id = ""
        self.name = ""
        self.custom = False
        self.signature: Signature | None = None
        self.pieces: list[str] = []  # everything, to see whether the arguments are complete
        self.held: list[str] = []
        self.size = 0
        self.opened = self.closed = False

    @property
    def whole(self) -> bool:
        """The arguments are complete: nothing that belongs to this call can follow. Free text never shows it."""
        return not self.custom and _is_json("".join(self.pieces))

    def grow(self, piece: str, cumulative: bool) -> None:
        if self.pieces and piece.startswith("{") and not self.custom:
            piece = self._unrepeated(piece, cumulative)
        if piece:
            self.pieces.append(piece)
            self.held.append(piece)
            self.size += len(piece)

    @property
    def doubtful(self) -> bool:
        """All there is may be a placeholder: `{}`, perhaps spaced, before the real arguments."""
        return self.size <= _PLACEHOLDER and "".join(self.pieces).strip() == "{}"

    def _unrepeated(self, piece: str, cumulative: bool) -> str:
        """Without what an upstream says twice: the whole arguments again at the end, or a placeholder before them."""
        if self.doubtful:
            self.pieces, self.held, self.size = [], [], 0
            return piece
        if not cumulative and not self.pieces[-1].rstrip().endswith("}"):
            return piece  # an inner object: most arguments have some
        said = "".join(self.pieces)
        if cumulative and piece.startswith(said):
            return piece[len(said) :]
        return "" if _is_json(said) else piece


def _is_json(text: str) -> bool:
    if not text.rstrip().endswith(("}", "]", '"')):
        return False
    try:
        _valid(text)
    except (msgspec.MsgspecError, UnicodeEncodeError):
        return False
    return True


class Calls:
    """The tool calls of one choice."""

    __slots__ = ("_by_id", "_by_index", "_choice", "_cumulative", "_last", "_mint", "_queue", "_seen", "_signatures", "given")

    def __init__(self, choice: int, mint: Callable[[int], str], cumulative: bool = False) -> None:
        self._choice = choice
        self._mint = mint
        self._cumulative = cumulative
        self._queue: list[_Open] = []  # the first one is on its way out, the others wait
        self._by_index: dict[int, _Open] = {}
        self._by_id: dict[str, _Open] = {}
        self._signatures: dict[str, Signature] = {}  # that came apart from their call (OpenRouter)
        self._last: _Open | None = None
        self._seen = 0
        self.given = 0  # calls that have a name: those that went out

    @property
    def busy(self) -> bool:
        """A call is on its way out and may still grow."""
        return bool(self._queue) and not (len(self._queue) == 1 and self._queue[0].whole)

    def sign(self, call_id: str, signature: Signature) -> None:
        self._signatures[call_id] = signature

    def feed(self, piece: Call, out: list[Event]) -> None:
        """One entry of `tool_calls`."""
        call = self._find(piece)
        if call.closed:
            return  # the whole call once more
        self._take(call, piece)
        while self._queue[0] is not call and self._queue[0].whole:
            self._close(out)
        if self._queue[0] is call:
            self._let_out(call, out)

    def close(self, out: list[Event]) -> None:
        """No more pieces: everything goes out."""
        while self._queue:
            self._close(out)

    def _find(self, piece: Call) -> _Open:
        """The call that this piece belongs to (H21, H22): by index where it is true, else by id, else by position."""
        name = _name(piece)
        known = self._by_index.get(piece.index) if piece.index is not None else self._by_id.get(piece.id or "")
        if known is None and piece.index is None and not piece.id:
            known = self._last if not name or (self._last is not None and not self._last.name) else None
        if known is None:
            return self._begin(piece)
        if piece.id and known.id and piece.id != known.id and name:
            return self._by_id.get(piece.id) or self._begin(piece)  # all at index 0, told apart by id
        if not piece.id and name and known.name and name != known.name:
            return self._begin(piece)
        return known

    def _begin(self, piece: Call) -> _Open:
        call = _Open(self._seen)
        self._seen += 1
        self._queue.append(call)
        self._last = call
        if piece.index is not None:
            self._by_index[piece.index] = call
        return call

    def _take(self, call: _Open, piece: Call) -> None:
        call.name = call.name or _name(piece)
        if piece.id and not call.id:
            call.id = piece.id if piece.id not in self._by_id else self._mint(call.ordinal)
            self._by_id.setdefault(piece.id, call)
        if piece.custom is not None:
            call.custom = True
            call.grow(piece.custom.input or "", self._cumulative)
        elif piece.function is not None:
            call.grow(_arguments(piece.function.arguments), self._cumulative)
        if piece.extra_content is not None and (google := piece.extra_content.google) and google.thought_signature:
            call.signature = Signature(kind="gemini", data=google.thought_signature)

    def _let_out(self, call: _Open, out: list[Event]) -> None:
        """What can be said of this call by now: nothing before its name is known, no `{}` that may be a placeholder."""
        if not call.opened:
            if not call.name or not (call.id or call.held):
                return
            self._open(call, out)
        if call.held and not call.doubtful:
            self._say(call, out)

    def _open(self, call: _Open, out: list[Event]) -> None:
        call.opened = True
        self.given += 1
        call.id = call.id or self._mint(call.ordinal)
        call.signature = call.signature or self._signatures.get(call.id)
        block = ToolCall(id=call.id, name=call.name, custom=call.custom, signature=call.signature)
        out.append(BlockStart(block=block, choice=self._choice))

    def _say(self, call: _Open, out: list[Event]) -> None:
        out.append(Delta(text="".join(call.held), choice=self._choice))
        call.held = []

    def _close(self, out: list[Event]) -> None:
        call = self._queue.pop(0)
        call.closed = True
        if not call.name:
            return  # an upstream that never named it: nobody could run it
        if not call.opened:
            self._open(call, out)
        if call.held:
            self._say(call, out)
        call.pieces = []
        signature = call.signature or self._signatures.get(call.id)
        out.append(BlockEnd(choice=self._choice, signature=signature))


def _name(piece: Call) -> str:
    if piece.function is not None and piece.function.name:
        return piece.function.name
    return (piece.custom.name or "") if piece.custom is not None else ""


def said(value: MaybeRaw) -> bool:
    """Whether there is anything but null and the empty string."""
    return value is not NOTHING and bytes(value) not in (b'""', b"null")


def _arguments(value: MaybeRaw) -> str:
    """Arguments as text: a string from most, an object or null from some."""
    if value is NOTHING:
        return ""
    raw = bytes(value)
    if raw.startswith(b'"'):
        return read_text(raw)
    return "" if raw == b"null" else arguments.compact(raw)
