"""Secrets of keys: unguessable, hashed, recognisable by their end."""

from __future__ import annotations

import hashlib
import re

import pytest

from pisces_proxy import keys


@pytest.mark.parametrize("prefix", ["pisces-", "sk-", ""])
def test_a_secret_is_its_prefix_and_forty_letters_and_digits(prefix: str) -> None:
    made = {keys.new_secret(prefix) for _ in range(100)}
    assert len(made) == 100
    assert all(re.fullmatch(re.escape(prefix) + "[A-Za-z0-9]{40}", secret) for secret in made)


@pytest.mark.parametrize("secret", ["pisces-abc", "", "ключ", "\ud800"])
def test_a_digest_is_the_sha_256_of_whatever_came(secret: str) -> None:
    assert keys.digest(secret) == hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def test_a_hint_is_the_end_of_the_secret() -> None:
    assert keys.hint("pisces-abcdWXYZ") == "WXYZ"


def test_an_id_is_new_each_time() -> None:
    assert keys.new_id() != keys.new_id()
