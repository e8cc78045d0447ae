"""Knobs of sampling and the rest of the scalars, as far as Anthropic has them (wire.md C7, C13)."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from pisces_proxy.chat import Loss, Request
from pisces_proxy.plugin import Profile

Json = dict[str, Any]

_PERSONAL = re.compile(r"@|^\+?[\d\s().-]{7,}$")  # an address or a telephone number: the vendor wants neither
_TIERS = {"auto": "auto", "priority": "auto", "default": "standard_only", "standard": "standard_only"}


class Knobs:
    """The scalars of one request. `losses` lists those that had to change; at `cut_at` the gateway has to stop."""

    def __init__(self, request: Request, profile: Profile, thinking: bool) -> None:
        self.losses: list[Loss] = []
        self.cut_at: tuple[str, ...] = ()
        self._request = request
        self._profile = profile
        self._thinking = thinking

    def written(self) -> Json:
        self._leave_out()
        return {**self._sampling(), **self._stops(), **self._service()}

    def _sampling(self) -> Json:
        request, rule = self._request, self._profile.sampling
        wanted: Json = {"temperature": self._temperature(), "top_p": request.top_p, "top_k": request.top_k}
        wanted = {name: value for name, value in wanted.items() if value is not None}
        if self._thinking or rule == "reject":
            reason = "not taken while the model thinks" if self._thinking else "this model takes no sampling settings"
            self._drop([name for name, value in wanted.items() if (name, value) != ("temperature", 1.0)], reason)
            return {}
        if rule == "temperature_only":
            self._drop([name for name in wanted if name != "temperature"], "this model takes a temperature only")
            return {name: value for name, value in wanted.items() if name == "temperature"}
        if rule == "one_of" and "temperature" in wanted and "top_p" in wanted:  # H72
            self._drop(["top_p"], "this model takes temperature or top_p, not both")
            del wanted["top_p"]
        return wanted

    def _temperature(self) -> float | None:
        asked, most = self._request.temperature, self._profile.temperature_max or 1.0
        if asked is None or asked <= most:
            return asked
        if self._profile.sampling != "reject" and not self._thinking:
            self.losses.append(Loss(field="temperature", action="changed", reason=f"at most {most:g} here, not {asked:g}"))
        return most if self._profile.sampling != "reject" and not self._thinking else asked

    def _stops(self) -> Json:
        asked = self._request.stop
        if not asked:
            return {}
        most = len(asked) if self._profile.stop_max is None else self._profile.stop_max
        kept = [sequence for sequence in asked if sequence.strip()]  # white space alone is refused
        kept = kept[:most] if self._profile.stop else []
        self.cut_at = tuple(sequence for sequence in asked if sequence not in kept)
        if self.cut_at:
            reason = "a sequence that this model does not take: the gateway cuts the text there"
            self.losses.append(Loss(field="stop", action="emulated", reason=reason))
        return {"stop_sequences": kept} if kept else {}

    def _service(self) -> Json:
        said: Json = {}
        if user := self._request.user:
            said["metadata"] = {"user_id": user_id(user)}
        if tier := self._request.service_tier:
            if tier in _TIERS:
                said["service_tier"] = _TIERS[tier]
            else:
                self._drop(["service_tier"], f"there is no tier {tier!r} here")
        return said

    def _leave_out(self) -> None:
        """What Anthropic has no word for; values that mean the default are no loss."""
        request = self._request
        absent = {
            "min_p": request.min_p,
            "seed": request.seed is not None,
            "frequency_penalty": request.frequency_penalty,
            "presence_penalty": request.presence_penalty,
            "logit_bias": request.logit_bias not in (b"", b"{}", b"null"),
            "logprobs": request.logprobs,
            "verbosity": request.verbosity not in ("", "medium"),
            "metadata": request.metadata not in (b"", b"{}", b"null"),
        }
        self._drop([name for name, value in absent.items() if value], "Anthropic has no such setting")

    def _drop(self, names: list[str], reason: str) -> None:
        self.losses += [Loss(field=name, action="dropped", reason=reason) for name in names]


def user_id(user: str) -> str:
    """An opaque id: what names a person is hashed, the same each time (H144)."""
    return hashlib.sha256(user.encode()).hexdigest()[:32] if _PERSONAL.search(user) else user
