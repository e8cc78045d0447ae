"""Why an upstream was not reached, in words."""

from __future__ import annotations

import socket

import pytest

from pisces_proxy.errors import unreached


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(), "connection refused"),
        (socket.gaierror(), "its name is not known"),
        (OSError("Multiple exceptions"), "no connection"),
        (BufferError(), "BufferError"),
    ],
)
def test_a_connection_that_failed_is_told_in_words(error: Exception, words: str) -> None:
    assert unreached(error) == words
