"""Which of the offered tools a question asks for, and with what arguments."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from pisces_proxy.chat import Request, Tool, ToolCall
from pisces_proxy.names import minted_id

from . import clues
from .arithmetic import expression
from .instances import Hint, instance

# words that say nothing about what a tool is for
_EMPTY = {
    "a", "an", "and", "any", "are", "as", "at", "be", "by", "call", "can", "current", "data", "do", "does", "example",
    "execute", "fetch", "find", "for", "from", "function", "get", "gets", "give", "given", "has", "have", "how", "i",
    "in", "info", "information", "input", "into", "is", "it", "its", "list", "make", "me", "my", "name", "of", "on",
    "or", "please", "provide", "query", "retrieve", "return", "returns", "run", "set", "show", "some", "string", "tell",
    "that", "the", "this", "to", "tool", "use", "used", "user", "users", "using", "value", "was", "what", "when",
    "where", "which", "who", "will", "with", "would", "you", "your",
}  # fmt: skip
_CHINESE = {
    "天气": "weather", "气温": "weather", "时间": "time", "几点": "time", "搜索": "search", "查找": "search",
    "计算": "calculate", "翻译": "translate", "邮件": "email", "股价": "stock", "股票": "stock", "价格": "price",
    "新闻": "news", "汇率": "exchange",
    "航班": "flight", "酒店": "hotel", "日历": "calendar", "文件": "file",
}  # fmt: skip
_ALIKE = {"temperature": "weather", "forecast": "weather", "sum": "add", "plus": "add", "times": "multiply", "mail": "email"}
_PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")  # of getWeather, get_weather, GET-WEATHER and of plain text
_PLACE = re.compile(r"city|cities|location|place|address|destination|origin|country|region|town|where", re.IGNORECASE)
_PERSON = re.compile(r"(?:^|_)(?:name|person|recipient|to|customer|author|title|company|symbol|ticker|product|item)s?$", re.I)
_SENTENCE = re.compile(r"query|question|text|prompt|message|content|body|search|keyword|topic|input|subject|descri", re.I)
_FORMULA = re.compile(r"expression|formula|equation|calculation", re.IGNORECASE)


def calls(request: Request, text: str, answer_id: str, answered: bool) -> tuple[ToolCall, ...]:
    """The calls to make now. `answered`: the last turn brought results, so that only a forced tool is called again."""
    choice = request.tool_choice
    mode = choice.mode if choice is not None else "auto"
    names = choice.names if choice is not None else ()
    offered = [tool for tool in request.tools if not names or tool.name in names]
    if not offered or mode == "none" or (answered and mode != "required"):
        return ()
    fitting = _fitting(offered, text)
    if not fitting and mode == "required":
        fitting = [(offered[0], text)]
    parallel = request.parallel_tool_calls is not False
    made = [(tool, arguments) for tool, part in fitting for arguments in _arguments(tool, part, text, parallel)]
    if not parallel:
        made = made[:1]
    return tuple(
        ToolCall(id=minted_id(answer_id, index), name=tool.name, arguments=arguments, custom=tool.custom)
        for index, (tool, arguments) in enumerate(made)
    )


def _fitting(offered: list[Tool], text: str) -> list[tuple[Tool, str]]:
    """The tools that the text is about, each with its part of the text, in the text's order."""
    words = _words(text)
    found: list[tuple[int, Tool]] = []
    for tool in offered:
        named = [words[word] for word in _words(tool.name) if word in words]
        described = [words[word] for word in _words(tool.description) if word in words]
        if named or len(described) >= 2:
            found.append((min(named or described), tool))
    found.sort(key=lambda pair: pair[0])
    ends = [*(at for at, _ in found[1:]), len(text)]
    return [(tool, text[at:end]) for (at, tool), end in zip(found, ends, strict=False)]


def _words(text: str) -> dict[str, int]:
    """The telling words of a text or an identifier, as stems, and where each first stands."""
    words: dict[str, int] = {}
    for match in _PARTS.finditer(text):
        stem = _stem(match[0].lower())
        if stem not in _EMPTY:
            words.setdefault(stem, match.start())
    for word, english in _CHINESE.items():
        if word in text:
            words.setdefault(english, text.index(word))
    return words


def _stem(word: str) -> str:
    word = _ALIKE.get(word, word)
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def _arguments(tool: Tool, part: str, text: str, parallel: bool) -> Iterator[str]:
    """The arguments of each call of one tool: several where its part of the text names several places."""
    if tool.custom:
        yield text
        return
    places = clues.places(part) or clues.places(text)
    several = places[1:] if parallel and _takes_one_place(tool) else []
    for place in [places[0] if places else "", *several]:
        value = instance(tool.schema, hints(text, place, places))
        yield msgspec.json.encode(value if isinstance(value, dict) else {}).decode()


def _takes_one_place(tool: Tool) -> bool:
    try:
        schema = msgspec.json.decode(tool.schema) if tool.schema else {}
    except msgspec.DecodeError:
        return False
    properties = schema.get("properties") if isinstance(schema, dict) else None
    rows = properties.items() if isinstance(properties, dict) else ()
    wanted = [name for name, row in rows if isinstance(row, dict) and row.get("type") == "string" and _PLACE.search(name)]
    return len(wanted) == 1


def hints(text: str, place: str = "", places: list[str] | None = None) -> Hint:
    """Values for properties by their names, out of this text. Each number is used once."""
    numbers = iter(clues.numbers(text))
    given: dict[str, float] = {}
    known = places if places is not None else clues.places(text)

    def hint(name: str, schema: Mapping[str, Any]) -> Any:
        if options := schema.get("enum"):
            return next((value for value in options if isinstance(value, str) and value.lower() in text.lower()), None)
        match schema.get("type"):
            case "string":
                return _phrase(name, schema, text, place or (known[0] if known else "")) or None
            case "array" if _PLACE.search(name) and known:
                return known
            case "integer" | "number" if not schema.get("optional"):
                if name not in given and (number := next(numbers, None)) is not None:
                    given[name] = number
                return given.get(name)
        return None

    return hint


def _phrase(name: str, schema: Mapping[str, Any], text: str, place: str) -> str:
    """The words for a property of this name; nothing for an optional one that the text does not speak of."""
    if _PLACE.search(name):
        return place
    if _FORMULA.search(name):
        return expression(text)
    if "mail" in name.lower() or (name.lower() in ("to", "recipient", "cc") and clues.mail(text)):
        return clues.mail(text)
    if re.search(r"url|link|uri", name, re.IGNORECASE):
        return clues.url(text)
    if "date" in name.lower():
        return clues.date(text)
    quoted = clues.quotations(text)
    if _PERSON.search(name):
        return quoted[0] if quoted else place
    if schema.get("optional"):
        return ""
    if _SENTENCE.search(name):
        return quoted[0] if quoted else text.strip()
    return quoted[0] if quoted else place
