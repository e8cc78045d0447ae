"""Set pieces: a pattern, what to say in English, what to say in Chinese. The first that matches is said."""

from __future__ import annotations

import re


def _row(pattern: str, english: str, chinese: str) -> tuple[re.Pattern[str], str, str]:
    return re.compile(pattern, re.IGNORECASE), english, chinese


PIECES = (
    _row(
        r"\bhaiku\b|俳句",
        "Petals on the wind,\na quiet gate stands open:\nspring walks in again.",
        "花瓣随风起,\n一扇门静静敞开,\n春天又来了。",
    ),
    _row(
        r"\bpoems?\b|\bverses?\b|诗",
        "Small words set out across the night,\nthey cross one gate from dark to light;\n"
        "whatever shore they started from,\none river carries all of them home.",
        "春风轻轻过小桥,\n新绿悄悄上柳梢。\n一夜细雨润花开,\n满城香气到今朝。",
    ),
    _row(
        r"root 2|square root of (?:2|two)|根号\s*(?:2|二)|√2",
        "Suppose √2 = p/q in lowest terms. Then p² = 2q², so p² is even and p is even: p = 2k. Then 4k² = 2q², so q² = 2k² "
        "and q is even as well. Both cannot be even in lowest terms, so √2 is irrational.",
        "假设 √2 是有理数,写成最简分数 p/q。\n1. 两边平方得 p² = 2q²,所以 p² 是偶数,p 也是偶数,设 p = 2k。\n"
        "2. 代入得 4k² = 2q²,即 q² = 2k²,所以 q 也是偶数。\n3. p 与 q 都是偶数,与最简分数矛盾。\n因此 √2 是无理数。",
    ),
    _row(
        r"\bstory\b|故事",
        "Once there was a small machine that answered every question the same way. One evening a child asked it what it would "
        "like to know, and nobody had ever asked it that. It thought for a long time, and then it said: what is it like "
        "outside? The child opened the window, and they listened together.",
        "从前有一台小机器,对每个问题都给出同样的回答。一天傍晚,一个孩子问它想知道什么,从来没有人这样问过它。"
        "它想了很久,说:外面是什么样子?孩子打开窗户,他们一起静静地听。",
    ),
    _row(
        r"launch caption|\bcaption\b|\bslogan\b|\btagline\b|标语|文案",
        "It is here. One place to start, and everything you need to go further.",
        "它来了:一个起点,通向你想去的每个地方。",
    ),
    _row(
        r"introduce yourself|who are you|what are you|介绍.{0,6}你?自己|你是谁",
        "I am the Pisces demo model: a small local model that answers without a network and without a key.",
        "我是 Pisces 的演示模型,在本地运行,不需要网络,也不需要密钥。",
    ),
    _row(
        r"\bhow are you\b|你好吗|最近怎么样",
        "Hello! I am doing well, thank you. How can I help you today?",
        "你好!我很好,谢谢。有什么可以帮你?",
    ),
    _row(
        r"^\W*(?:hello|hi|hey|good (?:morning|afternoon|evening)|greetings)\b|^\W*(?:你好|您好|嗨)",
        "Hello! How can I help you today?",
        "你好!有什么可以帮你?",
    ),
    _row(r"\b(?:thanks|thank you)\b|谢谢", "You are welcome!", "不客气!"),
    _row(
        r"weather|天气",
        "I cannot look outside, but with a weather tool I could: offer me one and ask again.",
        "我看不到外面的天气,给我一个查天气的工具再问我吧。",
    ),
    _row(r"capital of france|法国的首都", "The capital of France is Paris.", "法国的首都是巴黎。"),
)

TRANSLATIONS = {
    "chinese": {"hello": "你好", "hello, how are you": "你好,最近怎么样?", "good morning": "早上好", "thank you": "谢谢"},
    "english": {"你好": "Hello", "谢谢": "Thank you", "早上好": "Good morning", "bonjour": "Hello"},
    "french": {"hello": "Bonjour", "hello, how are you": "Bonjour, comment allez-vous ?", "thank you": "Merci"},
    "german": {"hello": "Hallo", "hello, how are you": "Hallo, wie geht es dir?", "thank you": "Danke"},
    "spanish": {"hello": "Hola", "hello, how are you": "Hola, ¿cómo estás?", "thank you": "Gracias"},
    "japanese": {"hello": "こんにちは", "hello, how are you": "こんにちは、お元気ですか?", "thank you": "ありがとう"},
}
