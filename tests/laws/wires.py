"""What the laws hold for: every registered chat wire, and the streams of the vendors that have a fake."""

from __future__ import annotations

from laws.samples import vendor_answers, vendor_streams

from pisces_proxy.config import Config
from pisces_proxy.plugin import Wire
from pisces_proxy.registry import Registry

# text only, no turns, calls or thinking: it has laws of its own (tests/plugins/openai/test_completions.py)
TEXTS = {"openai.completions"}
WIRES: dict[str, Wire] = {
    name: wire for name, wire in Registry.load(Config()).wires.items() if wire.kind == "chat" and name not in TEXTS
}
STREAMS = {key: stream for key, stream in vendor_streams().items() if key[0] in WIRES}
WHOLE = {key: body for key, body in vendor_answers().items() if key[0] in WIRES}
