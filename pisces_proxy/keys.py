"""A key's secret: made, hashed, hinted at. Only the hash is ever stored."""

from __future__ import annotations

import hashlib
import secrets
import string

LENGTH = 40  # of 62 letters and digits: 238 bits, so a plain SHA-256 of it cannot be searched
_ALPHABET = string.ascii_letters + string.digits


def new_secret(prefix: str = "pisces-") -> str:
    """A secret that nobody has seen before. Letters and digits only: it survives URLs, shells and a double click."""
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(LENGTH))


def digest(secret: str) -> str:
    """What the storage knows it by: SHA-256 in hex. A secret with stray bytes gets one too, which matches nothing."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def hint(secret: str) -> str:
    """Enough to recognise it in a list, too little to use it."""
    return secret[-4:]


def new_id() -> str:
    """What a key is called in records. Says nothing of the secret, and stays when that is changed."""
    return "key_" + secrets.token_hex(8)
