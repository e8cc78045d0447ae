"""Which endpoint a path belongs to; tolerant of what people do to base URLs (wire.md E3)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from urllib.parse import unquote

from .errors import MethodNotAllowed, NotFound
from .plugin import Endpoint

REMEMBERED = 10_000


class Paths:
    """The endpoints of all plugins, by method and path."""

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        self.endpoints = tuple(endpoints)
        self._exact: dict[str, list[Endpoint]] = {}
        self._open: list[tuple[str, Endpoint]] = []  # those with parameters, and what comes before the first
        for endpoint in endpoints:
            if "{" in endpoint.path:
                self._open.append((endpoint.path.partition("{")[0], endpoint))
            else:
                self._exact.setdefault(endpoint.path, []).append(endpoint)
        self._known: dict[str, list[tuple[Endpoint, dict[str, str]]]] = {}

    def find(
        self, method: str, raw_path: str, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> tuple[Endpoint, Mapping[str, str]]:
        """The endpoint and its path parameters, percent-decoded once. Raises NotFound, MethodNotAllowed."""
        found = self._known.get(raw_path)
        if found is None:
            found = self._resolve(raw_path)
            if len(self._known) >= REMEMBERED:
                self._known.clear()  # model names in paths come from clients
            self._known[raw_path] = found
        for endpoint, parameters in found:
            if endpoint.method == method and (endpoint.claims is None or endpoint.claims(headers, query)):
                return endpoint, parameters
        if found:
            allowed = ", ".join(sorted({endpoint.method for endpoint, _ in found}))
            raise MethodNotAllowed(f"{method} is not allowed here. Use {allowed}.", details={"allow": allowed})
        raise NotFound(
            f"There is no {method} {unquote(raw_path)}. GET /v1/models lists models; see the README for the endpoints."
        )

    def _resolve(self, raw_path: str) -> list[tuple[Endpoint, dict[str, str]]]:
        """Every endpoint on this path, those that choose by header before those that take the rest."""
        for path in _spellings(unquote(raw_path)):
            found: list[tuple[Endpoint, dict[str, str]]] = [(endpoint, {}) for endpoint in self._exact.get(path, ())]
            alike = [endpoint for start, endpoint in self._open if path.startswith(start)]  # few patterns are ever compiled
            found += [(endpoint, match.groupdict()) for endpoint in alike if (match := _pattern(endpoint.path).match(path))]
            if found:
                return sorted(found, key=lambda pair: (_fuzzy(pair[0]), pair[0].claims is None))
        return []

    def nearest_wire(self, raw_path: str, default: str) -> str:
        """The wire whose dialect an error here should speak: that of the endpoint with most segments in common."""
        wanted = unquote(raw_path).strip("/").split("/")
        best, length = default, 1 if wanted[:1] == ["v1"] else 0
        for endpoint in self.endpoints:
            shared = _shared(wanted, endpoint.path.strip("/").split("/"))
            if shared > length:
                best, length = endpoint.wire, shared
        return best


def _shared(wanted: Sequence[str], segments: Sequence[str]) -> int:
    count = 0
    for ours, theirs in zip(wanted, segments, strict=False):
        if ours != theirs:
            break
        count += 1
    return count


def _fuzzy(endpoint: Endpoint) -> int:
    """A pattern that ends in literal text is more exact than one that takes everything."""
    return 1 if endpoint.path.endswith("}") else 0


@cache
def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)(:rest)?\}", path)
    out = re.escape(parts[0])
    for name, rest, literal in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        out += f"(?P<{name}>{'.+' if rest else '[^/]+'})" + re.escape(literal)
    return re.compile(out + r"\Z", re.DOTALL)


def _spellings(path: str) -> Iterator[str]:
    """The path as sent, then tidied: one slash at a time, none at the end, `/v1` neither doubled nor missing."""
    yield path
    tidy = re.sub(r"/{2,}", "/", path).rstrip("/") or "/"
    yield tidy
    version = re.match(r"(/v1(?:beta|alpha)?)(/v1(?:beta|alpha)?)(?=/)", tidy)
    if version:
        yield tidy[len(version[1]) :]
    if not re.match(r"/v1", tidy):
        yield "/v1" + tidy
