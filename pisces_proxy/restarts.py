"""What of a configuration a running gateway cannot take over: it is told by name, so that nobody waits for it."""

from __future__ import annotations

from .config import Config

# used once, when the process starts
FIXED = (
    "host", "port", "database", "limits", "media", "max_result", "key_prefix", "grace", "heartbeat", "fetch_private", "dev",
    "log",
)  # fmt: skip


def needed_for(started: Config, now: Config) -> tuple[str, ...]:
    """The keys that changed since the process started; those that its command line set do not count."""
    keys = [
        f"[server] {name}"
        for name in FIXED
        if name not in started.overridden and getattr(started.server, name) != getattr(now.server, name)
    ]
    return (*keys, *(["[plugins]"] if started.plugins != now.plugins else ()))


def said(keys: tuple[str, ...]) -> str:
    """For whoever asked for the reload; nothing where all is in force."""
    return f"Restart the gateway for {', '.join(keys)}: until then the old values hold." if keys else ""
