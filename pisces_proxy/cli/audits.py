"""Who changed what: every command that changes something leaves a row."""

from __future__ import annotations

import time

from ..ledger import Audit
from ..storage import Storage

ACTOR = "cli"


async def note(storage: Storage, action: str, target: str, **detail: object) -> None:
    await storage.note(Audit(at=time.time(), actor=ACTOR, action=action, target=target, detail=detail))
