"""Everything that is not a conversation, in no vendor's words: images, speech, transcription, embeddings, ranking, video.

Requests are what a client wants, results what an upstream gave; both pure values. `extra` holds members that have no place
here and pass to an upstream of the same family only (as JSON text, top level).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from .chat import Loss
from .forms import File
from .pricing import NOTHING, Images, Measures
from .usage import Usage

Kind = Literal["embeddings", "rerank", "moderation", "image", "speech", "transcription", "video"]


class Asset(msgspec.Struct, frozen=True, kw_only=True):
    """A file: its bytes, or where they are: `file` as it was uploaded, `url` (http, https; data URIs are decoded on the way
    in). `role` says what it is for in a video request: `first_frame`, `last_frame`, `reference`, `video`, `audio`."""

    data: bytes = b""
    file: File | None = None
    url: str = ""
    mime: str = ""
    filename: str = ""
    role: str = ""

    def content(self) -> bytes:
        """All of it in memory; empty for what is elsewhere."""
        return self.file.read() if self.file is not None else self.data


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """The root of all requests. `model` as the client named it; `losses` of decoding."""

    model: str = ""
    user: str = ""
    extra: Mapping[str, Any] = {}
    losses: tuple[Loss, ...] = ()


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """The root of all results. `usage` None and `measures` NOTHING where the upstream did not say: then `expected` counts."""

    usage: Usage | None = None
    measures: Measures = NOTHING
    losses: tuple[Loss, ...] = ()


# -- embeddings --------------------------------------------------------------------------------------------------------


class Embeddings(Request, frozen=True, kw_only=True, tag="embeddings"):
    """`inputs`: texts or token ids, at least one. `single`: the client sent one bare value, not a list. `task` is one of
    `query`, `document` or a vendor's own word."""

    inputs: tuple[str | tuple[int, ...], ...]
    single: bool = False
    dimensions: int | None = None
    encoding: Literal["float", "base64"] = "float"
    task: str = ""
    title: str = ""


class Vectors(Result, frozen=True, kw_only=True):
    """One vector an input, in the order of the inputs."""

    vectors: Sequence[Sequence[float]]


# -- ranking and moderation --------------------------------------------------------------------------------------------


class Rerank(Request, frozen=True, kw_only=True, tag="rerank"):
    """`documents` as texts; `given` as the client sent them (str or object), to be returned where asked."""

    query: str
    documents: tuple[str, ...]
    given: tuple[Any, ...] = ()
    top_n: int | None = None
    return_documents: bool = False


class Hit(msgspec.Struct, frozen=True):
    index: int
    score: float


class Ranking(Result, frozen=True, kw_only=True):
    """Best first. `search_units`: what Cohere bills by."""

    hits: tuple[Hit, ...]
    id: str = ""
    search_units: int | None = None


class Moderation(Request, frozen=True, kw_only=True, tag="moderation"):
    """Texts and images to be judged; each input gives one verdict, parts of one input (`parted`) one together."""

    inputs: tuple[str | Asset, ...]
    parted: bool = False


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """`scores` by OpenAI's category names, 0 to 1."""

    flagged: bool
    categories: Mapping[str, bool]
    scores: Mapping[str, float]


class Verdicts(Result, frozen=True, kw_only=True):
    verdicts: tuple[Verdict, ...]
    id: str = ""


# -- images ------------------------------------------------------------------------------------------------------------


class Image(Request, frozen=True, kw_only=True, tag="image"):
    """`size` is `WxH` in pixels, `1K`/`2K`/`4K`, or empty; `aspect_ratio` `W:H` or empty. `wants`: where the client wants its
    pictures, empty where it does not say. `images` are what is edited or varied, `mask` goes with the first."""

    action: Literal["generate", "edit", "variation"] = "generate"
    prompt: str = ""
    n: int = 1
    size: str = ""
    aspect_ratio: str = ""
    quality: str = ""
    style: str = ""
    background: str = ""
    output_format: str = ""
    output_compression: int | None = None
    moderation: str = ""
    input_fidelity: str = ""
    negative_prompt: str = ""
    seed: int | None = None
    wants: Literal["", "url", "data"] = ""
    stream: bool = False
    partial_images: int = 0
    images: tuple[Asset, ...] = ()
    mask: Asset | None = None


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    asset: Asset
    revised_prompt: str = ""


class Pictures(Result, frozen=True, kw_only=True):
    """`created` in unix seconds, 0 where the upstream does not say."""

    pictures: tuple[Picture, ...]
    created: int = 0
    size: str = ""
    quality: str = ""
    background: str = ""
    output_format: str = ""


# -- sound -------------------------------------------------------------------------------------------------------------


class Speech(Request, frozen=True, kw_only=True, tag="speech"):
    """`format` (mp3, opus, aac, flac, wav, pcm) is empty where the client leaves it to the model. `stream`: it wants
    server-sent events, not bytes."""

    text: str
    voice: str = ""
    instructions: str = ""
    format: str = ""
    speed: float | None = None
    language: str = ""
    stream: bool = False


class Sound(Result, frozen=True, kw_only=True):
    """`audio.mime` says what it is; `seconds` where known."""

    audio: Asset
    seconds: float | None = None


class Transcription(Request, frozen=True, kw_only=True, tag="transcription"):
    """`translate`: into English. `format`: json, text, srt, verbose_json, vtt, diarized_json. `seconds`: how long the sound
    is by its own header, None where it does not say."""

    file: Asset
    translate: bool = False
    language: str = ""
    prompt: str = ""
    format: str = "json"
    temperature: float | None = None
    granularities: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    stream: bool = False
    seconds: float | None = None


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds from the beginning. `more` holds whatever else the upstream said of it (tokens, avg_logprob, ...)."""

    start: float
    end: float
    text: str
    speaker: str = ""
    more: Mapping[str, Any] = {}


class Word(msgspec.Struct, frozen=True, kw_only=True):
    start: float
    end: float
    word: str


class Transcript(Result, frozen=True, kw_only=True):
    text: str
    language: str = ""
    seconds: float | None = None
    segments: tuple[Segment, ...] = ()
    words: tuple[Word, ...] = ()
    logprobs: Any = None


# -- video -------------------------------------------------------------------------------------------------------------


class Video(Request, frozen=True, kw_only=True, tag="video"):
    """`seconds` None where the client leaves it to the model; `resolution` 480p, 720p, 1080p, ... in lower case, or empty;
    `size` `WxH` or empty; `audio`: whether sound is wanted, None for the model's own way. `billed_seconds`: a length that
    the client states for billing only (an edit is as long as its input). `remix_of`: the upstream's id of a video."""

    prompt: str = ""
    seconds: float | None = None
    resolution: str = ""
    size: str = ""
    aspect_ratio: str = ""
    negative_prompt: str = ""
    seed: int | None = None
    watermark: bool = False
    audio: bool | None = None
    billed_seconds: float | None = None
    assets: tuple[Asset, ...] = ()
    remix_of: str = ""


# -- what is counted where nobody says -----------------------------------------------------------------------------------


def tokens_of(text: str) -> int:
    """By rule of thumb: four letters of ASCII a token, one and a half other letters."""
    wide = sum(1 for letter in text if letter > "\x7f")
    return (len(text) - wide + 3) // 4 + (2 * wide + 2) // 3


_PICTURE = 6240  # tokens: the dearest picture of OpenAI's table (high, 1536x1024), rounded up


def expected(request: Request) -> tuple[Usage, Measures]:
    """What a request will be counted as, before anybody has said: for the hold, and for upstreams that never say."""
    match request:
        case Embeddings():
            count = sum(tokens_of(each) if isinstance(each, str) else len(each) for each in request.inputs)
            return Usage(input=count, estimated=True), NOTHING
        case Rerank():
            query = tokens_of(request.query)
            lengths = [query + tokens_of(text) for text in request.documents]
            return Usage(input=sum(lengths), searches=_searches(lengths), estimated=True), NOTHING
        case Moderation():
            count = sum(tokens_of(each) if isinstance(each, str) else 0 for each in request.inputs)
            return Usage(input=count, estimated=True), NOTHING
        case Image():
            images = Images(count=request.n, size=request.size or "auto", quality=request.quality or "auto")
            prompt = tokens_of(request.prompt)
            usage = Usage(input=prompt, output=_PICTURE * request.n, image_output=_PICTURE * request.n, estimated=True)
            return usage, Measures(images=(images,))
        case Speech():
            tokens = tokens_of(request.text)
            spoken = len(request.text) / 15  # letters a second, by rule of thumb
            usage = Usage(input=tokens, output=round(spoken * 20), audio_output=round(spoken * 20), estimated=True)
            return usage, Measures(characters=len(request.text), seconds=round(spoken, 3))
        case Transcription():
            heard = request.seconds or 0.0
            usage = Usage(input=round(heard * 10), audio_input=round(heard * 10), output=round(heard * 4), estimated=True)
            return usage, Measures(seconds=round(heard, 3))
        case Video():
            seconds = request.billed_seconds or request.seconds or 5.0
            return Usage(estimated=True), Measures(seconds=seconds, resolution=request.resolution or request.size)
        case _:
            return Usage(estimated=True), NOTHING


def _searches(lengths: Sequence[int]) -> int:
    """Search units as Cohere counts them: a query with up to a hundred documents, each of up to 500 tokens with the query;
    a longer one is as many documents as it has such pieces (https://cohere.com/pricing)."""
    pieces = sum(max(1, -(-length // 500)) for length in lengths)
    return -(-pieces // 100)


# -- small things that several wires need --------------------------------------------------------------------------------

MIMES: Mapping[str, str] = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}


def wav(pcm: bytes, rate: int, channels: int = 1) -> bytes:
    """16-bit little-endian samples behind a RIFF header."""
    block = channels * 2
    head = b"RIFF" + (36 + len(pcm)).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little")
    head += (1).to_bytes(2, "little") + channels.to_bytes(2, "little") + rate.to_bytes(4, "little")
    head += (rate * block).to_bytes(4, "little") + block.to_bytes(2, "little") + (16).to_bytes(2, "little")
    return head + b"data" + len(pcm).to_bytes(4, "little") + pcm
