"""Prompts that want thought, action and observation as plain text (ReAct), answered in that form."""

from __future__ import annotations

import re

from pisces_proxy.chat import Request

_QUESTION = re.compile(r"^Question:[ \t]*(.+)$", re.MULTILINE)
_OBSERVATION = re.compile(r"^Observation:[ \t]*(.+)$", re.MULTILINE)


def question(request: Request, text: str) -> str:
    """The question inside such a prompt; empty for any other prompt."""
    waits = any("Observation" in sequence for sequence in request.stop)
    if not waits and not ("Final Answer:" in text and "Thought:" in text):
        return ""
    asked = _QUESTION.findall(text)
    return asked[-1].strip() if asked else ""


def observation(text: str) -> str:
    """The last observation behind the question: what an action brought."""
    begin = text.rfind("\nQuestion:")
    found = _OBSERVATION.findall(text[begin:]) if begin >= 0 else []
    return found[-1].strip() if found else ""


def final(prompt: str, answer: str) -> str:
    """The answer as such prompts want it; `Thought:` itself where the prompt did not end with it."""
    thought = "" if prompt.rstrip().endswith("Thought:") else "Thought: "
    return f"{thought}I now know the final answer.\nFinal Answer: {answer}"
