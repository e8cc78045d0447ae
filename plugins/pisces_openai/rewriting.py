"""A client's own JSON for an upstream of the same format: the model's name and what the profile says change, nothing else."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from pisces_proxy import splice
from pisces_proxy.plugin import Profile

GATEWAYS_OWN = ("api_key", "pisces")  # read by the gateway, for no upstream
_encode = msgspec.json.Encoder().encode
Members = Mapping[str, bytes | msgspec.Raw]


def rewritten(members: Members, model: str, profile: Profile, *dropped: str) -> bytes:
    """These members for an upstream that calls the model `model`; `dropped` are left out too."""
    gone = {*GATEWAYS_OWN, *profile.drop, *dropped}
    kept = {name: value for name, value in {**members, "model": _encode(model)}.items() if name not in gone}
    renamed = {profile.rename.get(name, name): value for name, value in kept.items()}
    for name, value in profile.defaults.items():
        renamed.setdefault(profile.rename.get(name, name), _encode(value))
    return splice.join(renamed)
