"""JSON Schema in the dialects that upstreams take (wire.md C8): data-driven, walks schema positions only."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from .chat import Loss
from .errors import BadRequest
from .schema_forms import Node, google, google_spelling, nullable, plain, read, repaired
from .schema_rules import DIALECTS, MANY, NAMED, OF_TYPE, ONE, TYPED, Rules, Treatment

Dialect = Literal["plain", "openai", "anthropic", "gemini", "gemini_json"]
Path = tuple[str, ...]

WRAPPED = "value"  # the member that holds what a root of another type than object describes

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
_ANYTHING = [{"type": "string"}, {"type": "number"}, {"type": "boolean"}, {"type": "null"}]
_DEPTH = 3  # how often a recursive definition is written out where references are unknown
_NODES = 2_000  # definitions that refer to each other can multiply without being recursive


def adapt(schema: bytes, dialect: Dialect, *, root: Literal["tool", "output"] = "tool") -> tuple[bytes, tuple[Loss, ...]]:
    """The schema as this dialect takes it, and what had to change lossily. `plain` repairs malformed nodes only (H143).

    Empty bytes mean no parameters and come back as this dialect writes that (`{"type":"object","properties":{}}`, or empty
    where it refuses an object without properties). A root of another type than object is wrapped as the member `value` where
    the dialect needs an object.
    """
    node = _with_root_type(read(schema), root)
    if dialect == "plain":
        return _encode(plain(node)), ()
    rules = DIALECTS[dialect]
    walk = _Walk(rules, node)
    try:
        adapted = walk.root(node, root)
    except RecursionError:
        raise BadRequest("A JSON Schema is nested too deeply.", code="invalid_value") from None
    if rules.type_names:
        if root == "tool" and "properties" not in adapted:  # it refuses an object without properties
            return b"", tuple(walk.losses)
        adapted = google_spelling(adapted)
    if root == "output" and rules.ordered and "properties" in adapted:
        adapted.setdefault("propertyOrdering", list(adapted["properties"]))
    return _encode(adapted), tuple(walk.losses)


def from_gemini(schema: bytes) -> bytes:
    """Google's Schema (upper-case types, nullable, propertyOrdering) as JSON Schema."""
    return _encode(google(_decode(schema)))


def _with_root_type(node: Node, root: str) -> Node:
    if root == "tool" and not node.keys() & {"type", "$ref", "anyOf", "oneOf", "allOf", "enum", "const"}:
        node = {"type": "object", **node}
    if node.get("type") == "object" and not node.keys() & {"$ref", "anyOf", "oneOf", "allOf"}:
        node.setdefault("properties", {})
    return node


class _Walk:
    """One schema on its way into one dialect."""

    def __init__(self, rules: Rules, whole: Node) -> None:
        self.rules = rules
        self.whole = whole
        self.losses: list[Loss] = []
        self.open: list[str] = []  # the references that are being written out
        self.left = _NODES

    def lose(self, path: Path, reason: str, action: Literal["dropped", "changed", "emulated"] = "dropped") -> None:
        self.losses.append(Loss(field=".".join(path) or "schema", action=action, reason=reason))

    # -- the root

    def root(self, node: Node, use: str) -> Node:
        for _ in range(_DEPTH):  # a reference at the root, as schema generators write it
            if "$ref" in node and (target := self._target(node["$ref"])) is not None:
                node = repaired({**target, **{key: value for key, value in node.items() if key != "$ref"}})
        if use == "tool" and node.keys() & {"anyOf", "oneOf"}:
            node = self._one_object(node)
        out = self.node(node, ())
        needs_object = use == "tool" or self.rules.closed
        return out if out.get("type") == "object" or not needs_object else self._wrapped(out)

    def _one_object(self, node: Node) -> Node:
        """A tool's arguments are one object: alternatives become one with everything optional that is not in all of them."""
        parts = [repaired(part) for part in (*node.get("anyOf", ()), *node.get("oneOf", ()))]
        parts = [repaired({**(self._target(part.get("$ref", "")) or {}), **part}) for part in parts]
        if not any("properties" in part for part in parts):
            self.lose(("anyOf",), "it only constrains what is there already")
            rest = {key: value for key, value in node.items() if key not in ("anyOf", "oneOf")}
            return {"properties": {}, **rest, "type": "object"}
        self.lose(("anyOf",), "the alternatives became one object", "changed")
        required = [name for name in parts[0].get("required", ()) if all(name in part.get("required", ()) for part in parts)]
        properties = {name: value for part in parts for name, value in part.get("properties", {}).items()}
        others = {key: value for key, value in node.items() if key not in ("anyOf", "oneOf", "type")}
        return {
            **others,
            "type": "object",
            "properties": {**properties, **node.get("properties", {})},
            "required": list(dict.fromkeys([*node.get("required", ()), *required])),
        }

    def _wrapped(self, node: Node) -> Node:
        self.lose((), f"the root is no object: wrapped as `{WRAPPED}`", "emulated")
        definitions: Node = {key: node.pop(key) for key in ("$defs", "definitions") if key in node}
        closed: Node = {"additionalProperties": False} if self.rules.closed else {}
        return {"type": "object", "properties": {WRAPPED: node}, "required": [WRAPPED], **closed, **definitions}

    # -- one node

    def node(self, raw: Any, path: Path) -> Node:
        node = repaired(raw)
        if self.rules.merge and "allOf" in node:
            node = self._merged(node, path)
        if "$ref" in node:
            if self.rules.inline:
                return self._inlined(node, path)
            node = self._reference(node)
        node = self._alternatives(node, path)
        if self.rules.inline and "anyOf" in node:
            simpler = self._without_null(node, path)
            if simpler is not node:
                return self.node(simpler, path)
        return self._rewritten(node, path)

    def _rewritten(self, node: Node, path: Path) -> Node:
        notes: list[str] = []
        if not self.rules.const:
            node = {("enum" if key == "const" else key): [value] if key == "const" else value for key, value in node.items()}
        if self.rules.string_enums and "enum" in node:
            node = self._string_enum(node, path)
        node = self._tuple(self._type_list(node), path)
        if self.rules.inline:
            node = _branches(node)
        if self.rules.inclusive:
            node = self._inclusive(node, path, notes)
        out = self._keywords(node, path, notes)
        return _described(self._completed(out, node, path), notes)

    # -- references

    def _reference(self, node: Node) -> Node:
        """OpenAI takes no keyword beside `$ref`: the reference moves into an `anyOf` of one."""
        rest = {key: value for key, value in node.items() if key != "$ref"}
        if not self.rules.all_required or not any(self.rules.keywords.get(key) == "keep" for key in rest.keys() - {"$defs"}):
            return node
        return rest | {"anyOf": [{"$ref": node["$ref"]}]}

    def _inlined(self, node: Node, path: Path) -> Node:
        reference = node["$ref"]
        rest = {key: value for key, value in node.items() if key != "$ref"}
        self.left -= 1
        if self.open.count(reference) >= _DEPTH or self.left < 0:
            self.lose(path, "a recursive definition was cut off", "changed")
            return {"type": "object"} | {key: rest[key] for key in ("description", "nullable") if key in rest}
        target = self._target(reference)
        if target is None:
            self.lose((*path, "$ref"), "the reference leads nowhere")
            return self.node(rest, path)
        self.open.append(reference)
        try:
            return self.node({**target, **rest}, path)
        finally:
            self.open.pop()

    def _target(self, reference: str) -> Node | None:
        """What a local JSON pointer points at (RFC 6901)."""
        if not reference.startswith("#"):
            return None
        at: Any = self.whole
        for part in reference[1:].split("/")[1:]:
            at = at.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(at, dict) else None
        return at if isinstance(at, dict) else None

    # -- rewriting

    def _merged(self, node: Node, path: Path) -> Node:
        """`allOf` as one node; where two parts disagree the first stays. References stay references if they are alone."""
        merged = {key: value for key, value in node.items() if key != "allOf"}
        alone = len(node["allOf"]) == 1
        for part in map(repaired, node["allOf"]):
            if "$ref" in part and not alone:
                part = self._resolved(part, path)
            elif "allOf" in part:
                part = self._merged(part, path)
            for key, value in part.items():
                merged[key] = self._both(merged.get(key, value), value, (*path, key))
        return repaired(merged)

    def _resolved(self, node: Node, path: Path) -> Node:
        reference = node["$ref"]
        rest = {key: value for key, value in node.items() if key != "$ref"}
        if reference in self.open:  # it is part of itself: nothing more to add
            return rest
        whole = repaired({**(self._target(reference) or {}), **rest})
        self.open.append(reference)
        try:
            return self._merged(whole, path) if "allOf" in whole else whole
        finally:
            self.open.pop()

    def _both(self, first: Any, second: Any, path: Path) -> Any:
        if first == second:
            return first
        if path[-1] in NAMED and isinstance(first, dict) and isinstance(second, dict):
            return {**second, **first}
        if path[-1] == "required":
            return list(dict.fromkeys([*first, *second]))
        if path[-1] not in ("title", "description", "default", "examples"):
            self.lose(path, "two parts of an allOf disagree: the first stays", "changed")
        return first

    def _alternatives(self, node: Node, path: Path) -> Node:
        """`oneOf` is written `anyOf`."""
        if "oneOf" not in node:
            return node
        if "anyOf" in node:
            self.lose((*path, "oneOf"), "it stands beside an anyOf")
            return {key: value for key, value in node.items() if key != "oneOf"}
        return {("anyOf" if key == "oneOf" else key): value for key, value in node.items()}

    def _without_null(self, node: Node, path: Path) -> Node:
        """In Google's Schema a `null` among the alternatives is `nullable`, and alternatives stand alone."""
        parts = [repaired(part) for part in node["anyOf"]]
        real = [part for part in parts if part.get("type") != "null"]
        rest = {key: value for key, value in node.items() if key != "anyOf"}
        null: Node = {"nullable": True} if len(real) < len(parts) else {}
        if "type" in node or not real:
            self.lose((*path, "anyOf"), "it stands beside a type")
            return rest | null
        if len(real) == 1:
            return {**real[0], **rest, **null}
        return {**rest, "anyOf": real, **null} if null else node

    def _type_list(self, node: Node) -> Node:
        names = node.get("type")
        if not isinstance(names, list) or self.rules.lists == "keep":
            return node
        real = [name for name in names if name != "null"]
        if self.rules.lists == "optional" and len(real) == 1:
            return node
        if self.rules.lists != "nullable":
            return _split(node, names)
        null: Node = {"nullable": True} if len(real) < len(names) else {}
        return (node | {"type": real[0]} if len(real) == 1 else _split(node, real)) | null

    def _string_enum(self, node: Node, path: Path) -> Node:
        """Google's enums are non-empty strings (H64)."""
        values = [value for value in node["enum"] if value is not None and value != ""]
        texts = [value if isinstance(value, str) else _encode(value).decode() for value in values]
        if texts != values or "" in node["enum"]:
            self.lose((*path, "enum"), "only non-empty strings are taken", "changed")
        null = None in node["enum"] or "null" in (node["type"] if isinstance(node.get("type"), list) else ())
        rest = {key: value for key, value in node.items() if key not in ("enum", "type")}
        enum: Node = {"enum": list(dict.fromkeys(texts))} if texts else {}
        return {"type": "string", **rest, **enum, **({"nullable": True} if null else {})}

    def _tuple(self, node: Node, path: Path) -> Node:
        parts = node["items"] if isinstance(node.get("items"), list) else node.get("prefixItems")
        if not isinstance(parts, list):
            return node
        rest = {key: value for key, value in node.items() if key not in ("items", "prefixItems")}
        if self.rules.tuples:
            more: Node = {"items": node["items"]} if isinstance(node.get("items"), dict) else {}
            return {**rest, "prefixItems": parts, **more}
        self.lose((*path, "prefixItems"), "positions became alternatives", "changed")
        distinct = [part for number, part in enumerate(parts) if part not in parts[:number]]
        items = distinct[0] if len(distinct) == 1 else {"anyOf": distinct}
        return {"minItems": len(parts), "maxItems": len(parts), **rest, "items": items}

    def _inclusive(self, node: Node, path: Path, notes: list[str]) -> Node:
        """Exclusive bounds as inclusive ones: exact for integers, nearly so (and described) for other numbers."""
        out = dict(node)
        for odd, even, step in (("exclusiveMinimum", "minimum", 1), ("exclusiveMaximum", "maximum", -1)):
            bound = out.get(odd)
            if isinstance(bound, bool) or not isinstance(bound, (int, float)):
                continue
            del out[odd]
            if out.get("type") == "integer" and isinstance(bound, int):
                out.setdefault(even, bound + step)
                continue
            out.setdefault(even, bound)
            notes.append(f"{odd}: {_encode(bound).decode()}")
            self.lose((*path, odd), "moved into the description", "changed")
        return out

    # -- keywords

    def _keywords(self, node: Node, path: Path, notes: list[str]) -> Node:
        out: Node = {}
        for key, value in node.items():
            match self._treatment(key, value, node):
                case "keep":
                    out[key] = self._child(key, value, (*path, key))
                case "lose":
                    self.lose((*path, key), "the target has no such keyword")
                case "describe":
                    notes.append(f"{key}: {_encode(value).decode()}")
                    self.lose((*path, key), "moved into the description", "changed")
                case "drop":
                    pass
        return out

    def _treatment(self, key: str, value: Any, node: Node) -> Treatment:
        treatment = self.rules.keywords.get(key, "drop")
        match key:
            case "format" if self.rules.formats is not None:
                names = node["type"] if isinstance(node.get("type"), list) else [node.get("type", "string")]
                return "keep" if any(value in self.rules.formats.get(name, ()) for name in names) else "describe"
            case "minItems" if value in (0, 1):
                return "keep"
            case "uniqueItems" if value is not True:
                return "drop"
            case "additionalProperties" if self.rules.closed:
                return "drop" if value is False else "lose"
            case "additionalProperties" if treatment == "lose" and (isinstance(value, bool) or not value):
                return "drop"
            case "unevaluatedProperties" | "unevaluatedItems" | "additionalItems" if isinstance(value, bool):
                return "drop"
        return treatment

    def _child(self, key: str, value: Any, path: Path) -> Any:
        if key in ONE:
            return self.node({}, path) if isinstance(value, bool) and key == "items" else self._maybe(value, path)
        if key in MANY:
            return [self.node({} if isinstance(part, bool) else part, (*path, str(at))) for at, part in enumerate(value)]
        if key in NAMED:
            return {name: self.node({} if isinstance(part, bool) else part, (*path, name)) for name, part in value.items()}
        return value

    def _maybe(self, value: Any, path: Path) -> Any:
        return value if isinstance(value, bool) else self.node(value, path)

    # -- what the dialect wants of each node

    def _completed(self, out: Node, node: Node, path: Path) -> Node:
        if self.rules.typed:
            out = self._with_type(out, path)
        names = out.get("type")
        if self.rules.typed and "items" not in out and (names == "array" or (isinstance(names, list) and "array" in names)):
            out["items"] = {"type": "string"}
        if names == "object" or "properties" in out or (isinstance(names, list) and "object" in names):
            out = self._with_members(out, node, path)
        return out

    def _with_type(self, out: Node, path: Path) -> Node:
        if out.keys() & {"type", "anyOf", "$ref", "enum"}:
            return out
        self.lose(path, "the target needs a type", "changed")
        return {**out, "anyOf": _ANYTHING} if self.rules.all_required else {"type": "string", **out}

    def _with_members(self, out: Node, node: Node, path: Path) -> Node:
        properties: Node = out.get("properties", {})
        if "required" in out:
            out["required"] = [name for name in out["required"] if name in properties]
        if self.rules.all_required:
            asked = out.get("required", ())
            out["properties"] = {name: part if name in asked else nullable(part) for name, part in properties.items()}
            out["required"] = list(properties)
        elif not out.get("required", True):
            del out["required"]
        if self.rules.inline and not properties:
            out.pop("properties", None)
        if not self.rules.closed:
            return out
        if path and not properties and "additionalProperties" not in node:
            self.lose((*path, "additionalProperties"), "an open object became an empty one", "changed")
        return out | {"additionalProperties": False}


def _split(node: Node, names: list[str]) -> Node:
    """A `type` list as alternatives, each with the keywords that speak about its type."""
    shared = {key: value for key, value in node.items() if key not in TYPED and key != "type"}
    parts = [{"type": name} | {key: node[key] for key in node if key in OF_TYPE.get(name, ())} for name in names]
    return {**shared, "anyOf": parts}


def _branches(node: Node) -> Node:
    """What `then` and `else` add, as optional properties: a dialect without conditions would not know them at all."""
    more = {**repaired(node.get("else")).get("properties", {}), **repaired(node.get("then")).get("properties", {})}
    return node | {"properties": {**more, **node.get("properties", {})}} if more else node


def _described(out: Node, notes: list[str]) -> Node:
    if not notes:
        return out
    said = f"({'; '.join(notes)})"
    return {**out, "description": f"{out['description']} {said}" if out.get("description") else said}
