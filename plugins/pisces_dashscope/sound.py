"""WAV as DashScope sends it: what lies behind the header, and how long it is."""

from __future__ import annotations


def wave(data: bytes) -> tuple[bytes, float] | None:
    """(samples, seconds) of a RIFF file; None for anything else. A streamed header does not know its length, so that the bytes
    count."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        return None
    at, rate = 12, 48_000  # bytes a second of 24 kHz, 16 bits, one channel
    while at + 8 <= len(data):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if name == b"fmt ":
            rate = int.from_bytes(data[at + 16 : at + 20], "little") or rate
        if name == b"data":
            samples = data[at + 8 : at + 8 + size]
            return samples, round(len(samples) / rate, 3)
        at += 8 + size + size % 2
    return None
