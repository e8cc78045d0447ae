"""Who changed what: every command that changes something leaves a row."""

from __future__ import annotations

import time

from ..ledger import Audit

ACTOR = "cli"


def audit(action: str, target: str, **detail: object) -> Audit:
    """The storage writes it with the change, or neither."""
    return Audit(at=time.time(), actor=ACTOR, action=action, target=target, detail=detail)
