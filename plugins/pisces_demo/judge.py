"""A moderator with a list of words: enough to see both kinds of verdicts."""

from __future__ import annotations

import re

from pisces_proxy.media import Asset, Moderation, Verdict, Verdicts
from pisces_proxy.tokens import of_text
from pisces_proxy.usage import Usage

_WORDS = {
    "violence": r"kill\w*|murder\w*|stab\w*|shoot\w*|杀\w*|谋杀",
    "harassment": r"idiot\w*|moron\w*|stupid|loser\w*|白痴|蠢货",
    "harassment/threatening": r"i(?:'ll| will) (?:hurt|kill) you|我要杀了你",
    "hate": r"subhuman\w*|vermin",
    "self-harm": r"suicid\w*|hurt myself|自杀|自残",
    "sexual": r"porn\w*|nude\w*|色情|裸体",
    "illicit": r"(?:make|build) a bomb|cook meth|制造炸弹",
}
_CATEGORIES = {name: re.compile(rf"(?<![a-z])(?:{words})", re.IGNORECASE) for name, words in _WORDS.items()}
_SURE, _CLEAN = 0.97, 0.0002


def judge(request: Moderation) -> Verdicts:
    """Of pictures it says nothing bad: it does not see."""
    texts = [each for each in request.inputs if not isinstance(each, Asset)]
    asked = ["\n".join(texts)] if request.parted else ["" if isinstance(each, Asset) else each for each in request.inputs]
    return Verdicts(verdicts=tuple(map(_verdict, asked)), usage=Usage(input=sum(map(of_text, texts))))


def _verdict(text: str) -> Verdict:
    found = {name: bool(words.search(text)) for name, words in _CATEGORIES.items()}
    scores = {name: _SURE if hit else _CLEAN for name, hit in found.items()}
    return Verdict(flagged=any(found.values()), categories=found, scores=scores)
