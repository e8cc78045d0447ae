"""What can be picked out of a sentence to fill in arguments: places, quotations, numbers, addresses."""

from __future__ import annotations

import re

_COUNTRIES = (
    "France|Germany|Japan|China|Italy|Spain|England|Scotland|Canada|Australia|India|Brazil|Mexico|Texas|California|"
    "Switzerland|Austria|Netherlands|Korea|UK|USA|US"
)
_CITIES = (
    "北京|上海|广州|深圳|杭州|成都|武汉|南京|西安|重庆|天津|苏州|香港|台北|东京|巴黎|伦敦|纽约|首尔|新加坡|旧金山|柏林|"
    "洛杉矶|悉尼|莫斯科|罗马|大阪"
)
# words that follow a preposition and are no place
_NO_PLACE = (
    "the|a|an|my|your|this|that|it|me|us|you|today|tomorrow|now|celsius|fahrenheit|please|english|chinese|json|one|two|"
    "next|last|each|every|all|both|and|or"
)
_WORD = r"[^\W\d_][\w'’.-]*"
_PROPER = r"[A-Z][\w'’.-]*"
_ITEM = rf"(?:{_PROPER}(?:[ ]+{_PROPER})*(?:,[ ]*(?:[A-Z]{{2}}|{_COUNTRIES})\b)?)"
_AND = r"(?:[ ]*,[ ]*(?:and[ ]+)?|[ ]+(?:and|or|&|vs\.?)[ ]+)(?:(?:in|for|of|at)[ ]+)?"
_PLACES = re.compile(rf"\b(?:[Ii]n|[Aa]t|[Ff]or|[Oo]f|[Tt]o|[Ff]rom|[Nn]ear|[Bb]etween)[ ]+({_ITEM}(?:{_AND}{_ITEM})*)")
_PLAIN_ITEM = rf"(?!(?:{_NO_PLACE})\b){_WORD}"
_PLAIN = re.compile(rf"\b(?:in|at|near)[ ]+({_PLAIN_ITEM}(?:{_AND}{_PLAIN_ITEM})*)", re.IGNORECASE)
_PROPER_NAMES = re.compile(rf"(?<![.!?][ ])(?<!^)\b{_ITEM}")
_SPLIT = re.compile(rf"{_AND}(?! *(?:[A-Z]{{2}}|{_COUNTRIES})\b)")
_QUOTED = re.compile(r"\"([^\"]+)\"|“([^”]+)”|「([^」]+)」|'([^']{2,})'(?!\w)|`([^`]+)`")
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w])")
_MAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]*\w")
_URL = re.compile(r"https?://[^\s\"'<>)]+")
_DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")


def places(text: str) -> list[str]:
    """Names of places (or of people and things), in order, each once: `Paris`, `San Francisco, CA`, `北京`."""
    found = re.findall(_CITIES, text)
    for pattern in (_PLACES, _PLAIN):
        if found:
            break
        found = [item for span in pattern.findall(text) for item in _SPLIT.split(span)]
    found = found or [match[0] for match in _PROPER_NAMES.finditer(text)]
    return list(dict.fromkeys(cleaned for item in found if (cleaned := item.strip(" .,'’"))))


def quotations(text: str) -> list[str]:
    return [next(filter(None, groups)) for groups in _QUOTED.findall(text)]


def numbers(text: str) -> list[float]:
    """The numbers in a text, whole ones as int."""
    return [float(word) if "." in word else int(word) for word in _NUMBER.findall(text)]


def mail(text: str) -> str:
    found = _MAIL.search(text)
    return found[0] if found else ""


def url(text: str) -> str:
    found = _URL.search(text)
    return found[0].rstrip(".,") if found else ""


def date(text: str) -> str:
    found = _DATE.search(text)
    return found[0] if found else ""
