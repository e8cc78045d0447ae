"""What the demo says: small talk, sums, poems, what it sees; in the language it was asked in."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from pisces_proxy.chat import Media, Request, Text, ToolResult, Turn
from pisces_proxy.history import text_of

from . import arithmetic, clues
from .phrases import PIECES, TRANSLATIONS
from .sight import describe

_HAN = re.compile(r"[㐀-鿿]")
_NAME = re.compile(r"[Mm]y name is ([A-Z][\w'-]*)|我叫([㐀-鿿\w]{1,8}?)(?=[,,。.!!\s]|$)|我的名字[是叫]([㐀-鿿\w]{1,8})")
_ASKS_NAME = re.compile(r"what(?:'s| is) my name|do you (?:know|remember) my name|我叫什么|我的名字是什么", re.IGNORECASE)
_REPEAT = re.compile(
    r"(?:please\s+)?(?:say|repeat|echo|(?:reply|respond|answer) (?:only )?with)"
    r"(?: after me| exactly| only| just| the words?| the text)*\s*[:,]?\s+(.+)",
    re.IGNORECASE | re.DOTALL,
)
_COUNT = re.compile(r"how many (characters|letters|words)\b|多少个?(字|词)", re.IGNORECASE)
_LETTER = re.compile(
    r"how many (?:times does )?(?:the letter )?[\"']?([a-z])[\"']?(?:'?s)? (?:are |appear |is |there )*in "
    r"(?:the word )?[\"']?(\w+)",
    re.IGNORECASE,
)
_INTO = re.compile(r"translates? .*?\b(?:in)?to (chinese|french|german|spanish|japanese|english)", re.IGNORECASE)
_TRANSCRIPT = re.compile(r"^(?:Human|User):[ \t]*(.*)$", re.MULTILINE)
_MARKS = re.compile(r"[\s.!?。!?]+$")
_LONG = 300  # characters of a question that are worth repeating


class Question(NamedTuple):
    """The last thing the user said, and what came with it."""

    text: str
    media: tuple[Media, ...] = ()
    results: tuple[ToolResult, ...] = ()

    @property
    def chinese(self) -> bool:
        return bool(_HAN.search(self.text))


def question(request: Request) -> Question:
    """The last user turn; its text from an earlier one where the last brings only results."""
    users = [turn for turn in request.turns if turn.role == "user"]
    last = users[-1] if users else Turn(role="user", blocks=())
    results = tuple(block for block in last.blocks if isinstance(block, ToolResult))
    media = tuple(block for block in last.blocks if isinstance(block, Media))
    text = next((said for turn in reversed(users) if (said := _said(turn))), "")
    return Question(text, media, results)


def _said(turn: Turn) -> str:
    return text_of([block for block in turn.blocks if isinstance(block, Text)], "\n").strip()


def answer(request: Request, asked: Question) -> str:
    """One answer in words."""
    if asked.results:
        return _from_results(asked)
    if asked.media:
        return _seen(asked)
    spoken = asked._replace(text=_last_line_of_a_transcript(asked.text))
    for way in _WAYS:
        if said := way(request, spoken):
            return said
    return _repeated(spoken)


def _last_line_of_a_transcript(text: str) -> str:
    """LangChain's ConversationChain sends the whole conversation as one message."""
    lines = _TRANSCRIPT.findall(text)
    return lines[-1].strip() if lines and text.rstrip().endswith(("AI:", "Assistant:")) else text


# -- results and media -------------------------------------------------------------------------------------------------


def _from_results(asked: Question) -> str:
    parts = [_result(result, asked.chinese) for result in asked.results]
    opening = "根据工具的结果:" if asked.chinese else "According to the tools: "
    return opening + (";" if asked.chinese else "; ").join(parts)


def _result(result: ToolResult, chinese: bool) -> str:
    text = text_of(result.blocks).strip()
    media = [describe(block, chinese) for block in result.blocks if isinstance(block, Media)]
    said = " ".join(filter(None, (text, *media))) or ("没有内容" if chinese else "nothing")
    if result.error:
        return f"工具出错了:{said}" if chinese else f"a tool failed with: {said}"
    return said


def _seen(asked: Question) -> str:
    things = [describe(media, asked.chinese) for media in asked.media]
    if asked.chinese:
        return f"我看到{'、'.join(things)}。"
    return f"I see {_listed(things)}."


def _listed(things: Sequence[str]) -> str:
    return things[0] if len(things) == 1 else f"{', '.join(things[:-1])} and {things[-1]}"


# -- ways to answer, tried in turn -------------------------------------------------------------------------------------


def _translated(request: Request, asked: Question) -> str:
    """Where the system prompt makes it a translator (LangChain's chat prompt template)."""
    system = text_of(request.system, "\n")
    wanted = _INTO.search(system) or _INTO.search(asked.text)
    if wanted is None:
        return ""
    language = wanted[1].lower()
    quoted = clues.quotations(asked.text) if not _INTO.search(system) else []
    said = (quoted[0] if quoted else asked.text).strip()
    known = TRANSLATIONS.get(language, {}).get(_MARKS.sub("", said.lower()))
    return known or f"[{language}] {said}"


def _same(request: Request, asked: Question) -> str:
    found = _REPEAT.fullmatch(asked.text.strip())
    return found[1].strip().strip("\"'“”`") if found else ""


def _name(request: Request, asked: Question) -> str:
    if not _ASKS_NAME.search(asked.text):
        return ""
    said = "\n".join(_said(turn) for turn in request.turns if turn.role == "user")
    names = [next(filter(None, groups)) for groups in _NAME.findall(said)]
    if not names:
        return "你还没有告诉我你的名字。" if asked.chinese else "You have not told me your name yet."
    return f"你叫{names[-1]}。" if asked.chinese else f"Your name is {names[-1]}."


def _greeted(request: Request, asked: Question) -> str:
    name = _NAME.search(asked.text)
    if name is None:
        return ""
    who = next(filter(None, name.groups()))
    return f"你好,{who}!很高兴认识你。" if asked.chinese else f"Nice to meet you, {who}! How can I help you today?"


def _sum(request: Request, asked: Question) -> str:
    sum = arithmetic.expression(asked.text)
    result = arithmetic.value(sum) if sum else None
    if result is None:
        return ""
    shown = f"{result:.10g}" if isinstance(result, float) else str(result)
    return f"{sum} = {shown}{'。' if asked.chinese else '.'}"


def _counted(request: Request, asked: Question) -> str:
    if found := _LETTER.search(asked.text):
        letter, word = found[1], found[2]
        return f"The letter {letter} appears {word.lower().count(letter.lower())} times in {word}."
    if not (found := _COUNT.search(asked.text)):
        return ""
    text = (clues.quotations(asked.text) or [asked.text.rpartition(":")[2] or asked.text])[0].strip()
    if asked.chinese:
        return f"一共 {len(text)} 个字。"
    what = found[1].lower()
    return f"{len(text.split()) if what == 'words' else len(text)} {what}."


def _piece(request: Request, asked: Question) -> str:
    """Poems, stories and the like: set pieces."""
    for pattern, english, chinese in PIECES:
        if pattern.search(asked.text):
            return chinese if asked.chinese else english
    return ""


_WAYS: tuple[Callable[[Request, Question], str], ...] = (
    _translated, _same, _name, _greeted, _counted, _piece, _sum,
)  # fmt: skip


def _repeated(asked: Question) -> str:
    said = asked.text.strip()
    if not said:
        return "Hello! I am the Pisces demo model. Ask me something."
    short = said if len(said) <= _LONG else said[:_LONG].rstrip() + " ..."
    if asked.chinese:
        return f"你说的是:“{short}” 我是 Pisces 的演示模型,接入真实渠道之后会有更好的回答。"
    return f'You said: "{short}" I am the Pisces demo model; a real channel will have a better answer.'
