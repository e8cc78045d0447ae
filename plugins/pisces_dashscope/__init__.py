"""DashScope's own formats (Alibaba Model Studio): speech, pictures, video, reranking, transcripts."""

from __future__ import annotations

from pisces_proxy.hookspecs import hookimpl
from pisces_proxy.plugin import Dialect

from .image_jobs import ImageJobs
from .images import Images
from .rerank import Rerank
from .speech import Speech
from .transcriptions import Transcriptions
from .video import Video


@hookimpl
def pisces_wires() -> list[Dialect]:
    return [Speech(), Images(), ImageJobs(), Video(), Rerank(), Transcriptions()]
