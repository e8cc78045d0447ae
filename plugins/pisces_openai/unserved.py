"""What OpenAI has and this gateway has not: paths that answer 404 in OpenAI's words and say what to do instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pisces_proxy.forms import Form
from pisces_proxy.plugin import Endpoint

from .chat_choice import WIRE

Method = Literal["GET", "POST", "DELETE"]
_METHODS: tuple[Method, ...] = ("GET", "POST", "DELETE")
# what it is -> its paths, each with all that is below
_UNSERVED = {
    "Storing files (send a file's content in the request that needs it)": ("files", "uploads", "containers"),
    "Fine-tuning (train at the vendor, then name the model in a channel)": ("fine_tuning", "fine-tunes"),
    "Managing an organisation (keys and accounts are the operator's: `pisces keys`, or the admin API)": (
        "organization",
        "organizations",
    ),
    "Managing bills (what was used is in the operator's ledger: `pisces usage`, or the admin API)": (
        "dashboard/billing",
        "billing",
        "usage",
        "credit_grants",
    ),
    "Running batches (send the requests one by one)": ("batches",),
    "Keeping assistants, threads and stores of vectors (send the whole conversation to /v1/chat/completions)": (
        "assistants",
        "threads",
        "vector_stores",
        "conversations",
    ),
    "Evaluating and grading": ("evals",),
    "Talking in real time (use /v1/audio/speech and /v1/audio/transcriptions)": ("realtime",),
}


def _peek(form: Form, path: Mapping[str, str], query: Mapping[str, str]) -> tuple[str, bool, str]:
    """Whatever was uploaded, the answer is the same."""
    return "", False, "sse"


def _endpoint(method: Method, path: str, what: str) -> Endpoint:
    uploads = _peek if method == "POST" else None
    return Endpoint(
        method=method,
        path=path,
        kind="unsupported",
        wire=WIRE,
        uploads=uploads is not None,
        peek_upload=uploads,
        description=what,
    )


ENDPOINTS = tuple(
    _endpoint(method, path, what)
    for what, roots in _UNSERVED.items()
    for root in roots
    for path in (f"/v1/{root}", f"/v1/{root}/{{below:rest}}")
    for method in _METHODS
)
# The console's own paths have no version.
CONSOLE = tuple(
    _endpoint("GET", "/dashboard/billing/{below:rest}", what) for what, roots in _UNSERVED.items() if "billing" in roots
)
