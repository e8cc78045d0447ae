"""The demo answers sensibly, in the language it was asked in, within the limits it was given."""

from __future__ import annotations

import base64
import struct
import zlib

import msgspec
import pytest
from plugins.demo.asking import answer_of, asking, events_of, words_of

from pisces_proxy import tokens
from pisces_proxy.chat import Media, OutputFormat, Reasoning, Text, Thinking, ToolCall, ToolResult, Turn
from pisces_proxy.errors import BadRequest


def png(width: int, height: int) -> str:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + chunk).decode()


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("Hello!", "Hello! How can I help you today?"),
        ("Hello! How are you?", "doing well"),
        ("你好!请介绍一下自己。", "演示模型"),
        ("请用一句话介绍你自己", "演示模型"),
        ("What is 2+2?", "2+2 = 4."),
        ("What is 12 times 3.5?", "12 * 3.5 = 42."),
        ("计算 (3 + 4) * 2", "(3 + 4) * 2 = 14。"),
        ("17 divided by 0?", "17 divided by 0"),
        ("write a short poem.", "river"),
        ("写一首关于春天的诗", "春风"),
        ("Write a haiku poem about spring flowers.", "spring walks in again"),
        ("证明根号 2 是无理数,并写出完整步骤", "矛盾"),
        ("Tell me a story about artificial intelligence.", "Once"),
        ("Write a launch caption.", "It is here"),
        ("Say hello", "hello"),
        ('Reply with exactly: "PONG 42"', "PONG 42"),
        ("How many r's are in strawberry?", "appears 3 times"),
        ("How many characters: abcde", "5 characters"),
        ("Something about nothing", 'You said: "Something about nothing"'),
        ("随便说点什么", "随便说点什么"),
    ],
)
async def test_small_talk(said: str, expected: str) -> None:
    assert expected in await words_of(asking(said))


async def test_it_remembers_a_name_from_an_earlier_turn() -> None:
    turns = (
        Turn(role="user", blocks=(Text(text="Hi, my name is Alice."),)),
        Turn(role="assistant", blocks=(Text(text="Hello Alice!"),)),
        Turn(role="user", blocks=(Text(text="What's my name?"),)),
    )
    assert await words_of(asking("", turns=turns)) == "Your name is Alice."


async def test_it_remembers_a_name_inside_one_prompt() -> None:  # LangChain's ConversationChain, seed sample
    prompt = "Current conversation:\nHuman: Hi, my name is Alice.\nAI: Hello.\nHuman: What's my name?\nAI:"
    assert await words_of(asking(prompt)) == "Your name is Alice."


async def test_it_translates_what_the_system_prompt_wants_translated() -> None:
    system = (Text(text="You are a helpful assistant that translates English to Chinese."),)
    assert await words_of(asking("Hello, how are you?", system=system)) == "你好,最近怎么样?"


async def test_it_sees_the_size_and_format_of_a_picture() -> None:
    blocks = (Text(text="What is in this picture?"), Media(kind="image", data=png(640, 480), mime="image/png"))
    assert await words_of(asking(blocks)) == "I see a 640x480 PNG image."


async def test_it_sees_in_chinese() -> None:
    blocks = (Text(text="这张图片里有什么?"), Media(kind="image", data=png(8, 9)))
    assert await words_of(asking(blocks)) == "我看到一张 8x9 的 PNG 图片。"


async def test_it_mentions_files_and_addresses() -> None:
    pdf = Media(kind="document", data="JVBERi0xLjQ=", mime="application/pdf", filename="plan.pdf")
    picture = Media(kind="image", url="https://example.com/a.png")
    said = await words_of(asking((Text(text="Look"), pdf, picture)))
    assert "a PDF called plan.pdf" in said and "https://example.com/a.png" in said


async def test_broken_base64_is_still_an_image() -> None:
    assert await words_of(asking((Text(text="see"), Media(kind="image", data="!!!")))) == "I see an image (2 bytes)."


# -- limits ------------------------------------------------------------------------------------------------------------


async def test_a_stop_sequence_ends_the_answer_before_it() -> None:
    answer = await answer_of(asking("Say one two three four", stop=("three", " two")))
    assert answer.choices[0].blocks == (Text(text="one"),)
    assert (answer.choices[0].stop.reason, answer.choices[0].stop.sequence) == ("stop", " two")


@pytest.mark.parametrize("most", [1, 2, 5, 13])
async def test_max_tokens_ends_the_answer_with_length(most: int) -> None:
    answer = await answer_of(asking("demo:long 50", max_tokens=most))
    assert answer.choices[0].stop.reason == "length"
    assert tokens.of_blocks(answer.choices[0].blocks) <= most
    assert answer.usage is not None and answer.usage.output <= most


async def test_room_enough_changes_nothing() -> None:
    assert (await answer_of(asking("Hello!", max_tokens=500))).choices[0].stop.reason == "stop"


async def test_n_gives_so_many_different_answers() -> None:
    answer = await answer_of(asking("Hello!", n=3))
    assert len({choice.blocks for choice in answer.choices}) == 3


async def test_the_same_question_gets_the_same_events() -> None:
    request = asking("Tell me a story", thinking=Thinking(effort="high"))
    assert await events_of(request) == await events_of(request)


async def test_usage_is_counted_and_no_estimate() -> None:
    request = asking("Hello!", thinking=Thinking(effort="low"))
    answer = await answer_of(request)
    usage = answer.usage
    assert usage is not None and not usage.estimated
    assert usage.input == tokens.of_request(request)
    assert usage.output == tokens.of_blocks(answer.choices[0].blocks) > usage.reasoning > 0
    assert usage.cached_input == 0


# -- thinking ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wish",
    [
        Thinking(effort="low"),
        Thinking(effort="auto"),
        Thinking(budget=1024),
        Thinking(budget=-1),
        Thinking(include=True),
        Thinking(adaptive=True),
    ],
)
async def test_it_thinks_first_and_signs_it_when_asked_to(wish: Thinking) -> None:
    thought, said = (await answer_of(asking("Hello!", thinking=wish))).choices[0].blocks
    assert isinstance(thought, Reasoning) and thought.text and isinstance(said, Text)
    assert thought.signature is not None and thought.signature.kind == "demo" and thought.signature.data


@pytest.mark.parametrize(
    "wish", [None, Thinking(), Thinking(effort="none"), Thinking(budget=0), Thinking(effort="none", include=True)]
)
async def test_it_does_not_think_unasked(wish: Thinking | None) -> None:
    (said,) = (await answer_of(asking("Hello!", thinking=wish))).choices[0].blocks
    assert isinstance(said, Text)


# -- formats -----------------------------------------------------------------------------------------------------------


async def test_json_mode_answers_with_an_object() -> None:
    said = await words_of(asking("What is 2+2?", output=OutputFormat(kind="json")))
    assert msgspec.json.decode(said) == {"answer": "2+2 = 4."}


async def test_a_schema_is_filled_from_what_was_said() -> None:
    schema = b'{"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer"}},"required":["name","age"]}'
    output = OutputFormat(kind="schema", schema=schema)
    said = await words_of(asking("Meet with Alice, she is 31.", output=output))
    assert msgspec.json.decode(said) == {"name": "Alice", "age": 31}


async def test_every_choice_of_a_schema_is_valid_json() -> None:
    output = OutputFormat(kind="schema", schema=b'{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}')
    answer = await answer_of(asking("Hi", output=output, n=2))
    for choice in answer.choices:
        (block,) = choice.blocks
        assert isinstance(block, Text) and "a" in msgspec.json.decode(block.text)


async def test_a_picture_is_painted_for_those_who_take_pictures() -> None:  # seed sample: a blue disc on white
    answer = await answer_of(asking("生成一张极简蓝色圆形图标,白色背景", modalities=("TEXT", "IMAGE")))
    (painted,) = (block for block in answer.choices[0].blocks if isinstance(block, Media))
    assert base64.b64decode(painted.data).startswith(b"\x89PNG") and painted.mime == "image/png"
    assert await words_of(asking((Text(text="see"), painted))) == "I see a 128x128 PNG image."


# -- results and ReAct -------------------------------------------------------------------------------------------------


def after_results(*results: ToolResult, question: str = "Weather in Paris?") -> tuple[Turn, ...]:
    calls = tuple(ToolCall(id=result.id, name="get_weather", arguments="{}") for result in results)
    return (
        Turn(role="user", blocks=(Text(text=question),)),
        Turn(role="assistant", blocks=calls),
        Turn(role="user", blocks=results),
    )


async def test_it_answers_with_what_the_tools_said() -> None:
    turns = after_results(ToolResult(id="1", blocks=(Text(text="18 °C"),)), ToolResult(id="2", blocks=(Text(text="rain"),)))
    assert await words_of(asking("", turns=turns)) == "According to the tools: 18 °C; rain"


async def test_it_says_that_a_tool_failed() -> None:
    turns = after_results(ToolResult(id="1", blocks=(Text(text="no network"),), error=True), question="北京天气怎么样?")
    assert await words_of(asking("", turns=turns)) == "根据工具的结果:工具出错了:no network"


async def test_a_picture_from_a_tool_is_described() -> None:
    turns = after_results(ToolResult(id="1", blocks=(Media(kind="image", data=png(3, 4)),)))
    assert "a 3x4 PNG image" in await words_of(asking("", turns=turns))


REACT = (
    "Answer the following questions. Use the following format:\n\nQuestion: the input question\nThought: think\nAction: one of "
    "[search]\nObservation: the result\nThought: I now know the final answer\nFinal Answer: the answer\n\nBegin!\n\n"
    "Question: What is 6 * 7?\nThought:"
)


async def test_a_react_prompt_gets_a_final_answer() -> None:  # LangChain ZERO_SHOT_REACT, seed sample
    said = await words_of(asking(REACT, stop=("\nObservation:",)))
    assert said == "I now know the final answer.\nFinal Answer: 6 * 7 = 42."


async def test_a_react_prompt_is_answered_from_its_last_observation() -> None:
    prompt = REACT + " I should look\nAction: search\nAction Input: x\nObservation: it is sunny\nThought:"
    assert (await words_of(asking(prompt, stop=("\nObservation",)))).endswith("Final Answer: it is sunny")


async def test_more_answers_than_anybody_reads_are_refused_before_the_first_is_made() -> None:
    with pytest.raises(BadRequest, match="at most 128") as refused:
        await events_of(asking("Hello", n=10**9))
    assert refused.value.param == "n"
