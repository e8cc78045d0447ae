"""`pisces plugins`: what is installed, and what each provider serves."""

from __future__ import annotations

from cli.conftest import Run


def test_providers_show_every_kind_that_they_serve(run: Run) -> None:
    rows = {line.split()[0]: line for line in run("plugins").output.splitlines() if line.strip()}
    for kind in ("openai.chat", "embeddings", "image", "moderation", "rerank", "speech", "transcription", "video"):
        assert kind in rows["demo"]
    assert rows["kling"].split()[-1] == "video"
