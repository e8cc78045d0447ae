"""An upstream that is OpenAI at another address, and a tally of how its requests ended."""

from collections import Counter

from pisces_proxy.hookspecs import hookimpl
from pisces_proxy.plugin import Provider
from pisces_proxy.storage import Record

ended: Counter[int] = Counter()  # requests to the echo upstream, by status


class Echo(Provider):
    name = "echo"
    base_url = "https://echo.example/v1"
    wires = {"openai.chat": "/chat/completions"}  # preferred first
    drop = ("stream_options",)  # this upstream chokes on it


@hookimpl
def pisces_providers() -> list[Provider]:
    return [Echo()]


@hookimpl
def pisces_finished(record: Record) -> None:
    if record.provider == "echo":
        ended[record.status] += 1
