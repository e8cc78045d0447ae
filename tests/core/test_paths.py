"""Which endpoint a path belongs to."""

import pytest

from pisces_proxy.errors import MethodNotAllowed, NotFound
from pisces_proxy.paths import Paths
from pisces_proxy.plugin import Endpoint

CHAT = Endpoint(method="POST", path="/v1/chat/completions", kind="chat", wire="o")
MESSAGES = Endpoint(method="POST", path="/v1/messages", kind="chat", wire="a")
LIST = Endpoint(method="GET", path="/v1/models", kind="models", wire="o")
LIST_A = Endpoint(method="GET", path="/v1/models", kind="models", wire="a", claims=lambda h, q: "anthropic-version" in h)
ONE = Endpoint(method="GET", path="/v1/models/{model:rest}", kind="model", wire="o")
GENERATE = Endpoint(method="POST", path="/v1beta/models/{model:rest}:generateContent", kind="chat", wire="g")
STREAM = Endpoint(method="POST", path="/v1beta/models/{model:rest}:streamGenerateContent", kind="chat", wire="g")
TASK = Endpoint(method="GET", path="/v1/tasks/{id}", kind="task", wire="o")
PATHS = Paths([CHAT, MESSAGES, LIST, LIST_A, ONE, GENERATE, STREAM, TASK])


@pytest.mark.parametrize(
    "path",
    [
        "/v1/chat/completions",
        "/v1/chat/completions/",
        "/chat/completions",
        "/v1/v1/chat/completions",
        "//v1//chat/completions",
        "/v1/chat%2Fcompletions",
    ],
)
def test_doubled_and_missing_versions_and_slashes_are_tolerated(path: str) -> None:
    assert PATHS.find("POST", path, {}, {})[0] is CHAT


@pytest.mark.parametrize(
    ("path", "endpoint", "model"),
    [
        ("/v1beta/models/gemini-2.5-pro:generateContent", GENERATE, "gemini-2.5-pro"),
        ("/v1beta/models/MiniMax/speech-2.8:generateContent", GENERATE, "MiniMax/speech-2.8"),
        ("/v1beta/models/%5BM%5Dclaude%2Fx:streamGenerateContent", STREAM, "[M]claude/x"),
        ("/v1beta/models/ollama:llama3:8b:generateContent", GENERATE, "ollama:llama3:8b"),
    ],
)
def test_a_model_in_the_path_may_hold_slashes_brackets_and_colons(path: str, endpoint: Endpoint, model: str) -> None:
    found, parameters = PATHS.find("POST", path, {}, {})
    assert found is endpoint
    assert parameters == {"model": model}


def test_one_path_serves_several_dialects_by_header() -> None:
    assert PATHS.find("GET", "/v1/models", {"anthropic-version": "2023-06-01"}, {})[0] is LIST_A
    assert PATHS.find("GET", "/v1/models", {}, {})[0] is LIST


def test_a_single_segment_takes_no_slash() -> None:
    assert PATHS.find("GET", "/v1/tasks/task_1", {}, {})[1] == {"id": "task_1"}
    with pytest.raises(NotFound):
        PATHS.find("GET", "/v1/tasks/a/b", {}, {})


def test_the_wrong_method_says_which_is_right() -> None:
    with pytest.raises(MethodNotAllowed) as caught:
        PATHS.find("GET", "/v1/messages", {}, {})
    assert caught.value.details == {"allow": "POST"}


@pytest.mark.parametrize(
    ("path", "wire"),
    [
        ("/v1/messages/batches", "a"),
        ("/v1beta/cachedContents", "g"),
        ("/v1/files", "default"),
        ("/nowhere", "default"),
        ("/v1/chat/x", "o"),
    ],
)
def test_an_error_on_an_unknown_path_speaks_the_nearest_dialect(path: str, wire: str) -> None:
    assert PATHS.nearest_wire(path, "default") == wire


def test_paths_from_clients_are_not_remembered_without_bound() -> None:
    paths = Paths([ONE])
    for number in range(11_000):
        paths.find("GET", f"/v1/models/m{number}", {}, {})
    assert len(paths._known) <= 10_000
