"""Who is asking: the key in a request becomes a Key, or a 401 that says why."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from . import splice
from .errors import BadRequest, Forbidden, Unauthenticated
from .forms import Form
from .keys import digest
from .storage import Key, Storage

CACHED = 10_000  # keys remembered; unknown ones are not, so guessing fills nothing


class Credential(NamedTuple):
    """A secret and where it stood."""

    source: str
    secret: str

    def __repr__(self) -> str:
        return f"Credential({self.source})"


_WELL_FORMED = re.compile(r"[A-Za-z0-9_]+-?[A-Za-z0-9_\-]{20,}")


def credentials(headers: Mapping[str, str], query: Mapping[str, str]) -> list[Credential]:
    """Every key that the request carries outside its body, in order of precedence (wire.md E1)."""
    found = []
    authorization = headers.get("Authorization")
    if authorization:
        scheme, _, value = authorization.strip().partition(" ")
        if scheme.lower() == "bearer":
            found.append(Credential("Authorization", value.strip()))
        elif not value:
            found.append(Credential("Authorization", scheme))
    for name in ("x-api-key", "x-goog-api-key", "api-key"):
        if sent := headers.get(name):
            found.append(Credential(name, sent.strip()))
    if sent := query.get("key"):
        found.append(Credential("?key=", sent.strip()))
    return found


def credential_in(body: bytes) -> tuple[Credential | None, bytes]:
    """The `api_key` member of a JSON body, and the body without it."""
    if b'"api_key"' not in body:
        return None, body
    try:
        members = splice.members(body)
        written = members.get("api_key")
        secret = msgspec.json.decode(written, type=str | None) if written is not None else None
    except BadRequest:
        return None, body  # not an object: whoever reads the body will say so
    except msgspec.ValidationError:
        raise BadRequest("`api_key` must be a string.", param="api_key", code="invalid_value") from None
    if written is None:
        return None, body
    return (Credential("api_key in the body", secret.strip()) if secret else None), splice.edit(body, {"api_key": None})


def credential_of(form: Form) -> tuple[Credential | None, Form]:
    """The `api_key` field of a form, and the form without it."""
    secret = form.get("api_key")
    if secret is None:
        return None, form
    return (Credential("api_key in the form", secret.strip()) if secret.strip() else None), form.without("api_key")


def chosen(found: list[Credential]) -> Credential:
    """The one that counts: the first well-formed one, else the first. Two different well-formed ones contradict each other."""
    present = [credential for credential in found if credential.secret]
    if not present:
        raise Unauthenticated(
            "No API key. Send it as `Authorization: Bearer <key>`, `x-api-key`, `x-goog-api-key`, `?key=` "
            "or `api_key` in the body.",
            code="missing_api_key",
        )
    if len(present) == 1:
        return present[0]
    formed = [credential for credential in present if _WELL_FORMED.fullmatch(credential.secret)]
    if len({credential.secret for credential in formed}) > 1:
        where = " and ".join(credential.source for credential in formed)
        raise Unauthenticated(f"Two different API keys in one request ({where}). Send one.", code="invalid_api_key")
    return (formed or present)[0]


class Authenticator:
    """Keys by digest, remembered until the storage changes."""

    def __init__(self, storage: Storage, prefix: str) -> None:
        self._storage = storage
        self._prefix = prefix
        self._known: dict[str, Key] = {}
        self._closed: set[str] = set()  # accounts that are disabled

    def forget(self) -> None:
        """Something changed: ask the storage again. What is being read just now is written into those of before."""
        self._known, self._closed = {}, set()

    async def key(self, credential: Credential, remote: str | None, now: float) -> Key:
        """The key, alive and allowed from this address. `now` in unix seconds."""
        hashed = digest(credential.secret)
        key = self._known.get(hashed)
        if key is None:
            key = await self._found(hashed, credential)
        if key.account in self._closed:
            raise Unauthenticated("The account of this API key is disabled. Ask the operator.", code="account_disabled")
        if not key.enabled:
            raise Unauthenticated("This API key is disabled. Ask the operator, or use another.", code="api_key_disabled")
        if key.expires_at is not None and now >= key.expires_at:
            raise Unauthenticated("This API key has expired. Create a new one.", code="api_key_expired")
        if key.networks:
            _check_address(key, remote)
        return key

    async def _found(self, hashed: str, credential: Credential) -> Key:
        """From the storage, and remembered."""
        known, closed = self._known, self._closed
        key = await self._storage.find_key(hashed)
        if key is None:
            raise self._unknown(credential)
        account = await self._storage.find_account(key.account)
        if account is not None and not account.enabled:
            closed.add(key.account)
        if len(known) >= CACHED:
            known.clear()
        known[hashed] = key
        return key

    def _unknown(self, credential: Credential) -> Unauthenticated:
        if _WELL_FORMED.fullmatch(credential.secret):
            return Unauthenticated(
                f"Incorrect API key in {credential.source}. Keys are listed by `pisces keys list`.", code="invalid_api_key"
            )
        return Unauthenticated(
            f"{credential.source} does not hold an API key (keys begin with {self._prefix!r}). If your client sets "
            "default_headers with its own Authorization (as some LangChain samples do), that header replaces the real key "
            "before it is sent: take it out and pass the key as api_key only.",
            code="invalid_api_key",
        )


def _check_address(key: Key, remote: str | None) -> None:
    try:
        address = ipaddress.ip_address(remote or "")
    except ValueError:
        address = None
    if address is None or not any(address in ipaddress.ip_network(network, strict=False) for network in key.networks):
        raise Forbidden(f"This API key may not be used from {remote or 'here'}.", code="ip_not_allowed")


def check_model(key: Key, model: str) -> None:
    """Whether a key may use a model."""
    if key.models is not None and model not in key.models and model.casefold() not in {name.casefold() for name in key.models}:
        raise Forbidden(
            f"This API key may not use the model {model!r}. It may use: {', '.join(key.models)}.",
            param="model",
            code="model_not_allowed",
        )
