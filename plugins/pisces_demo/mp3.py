"""MP3 of plain tones, written without a library: MPEG-2 layer III, 24 kHz, mono, one line of the spectrum a frame."""

from __future__ import annotations

from collections.abc import Iterable

from .bits import Bits

RATE = 24_000
SAMPLES = 576  # of a frame
LINE = RATE / 2 / SAMPLES  # Hz from one line of the spectrum to the next
_SIZE = 96  # bytes of a frame: 72 * 32 kbit/s / 24 kHz
_HEADER = bytes((0xFF, 0xF3, 0x44, 0xC4))  # MPEG-2, layer III, no checksum, 32 kbit/s, 24 kHz, mono, original
_GAIN = 198  # of 255; 210 is full scale for a quantised value of one


def write(pitches: Iterable[float]) -> bytes:
    """One frame for each pitch in Hz; 0 is silence."""
    return b"".join(map(_frame, pitches))


def _frame(pitch: float) -> bytes:
    line = round(pitch / LINE)
    main = _spectrum(line) if pitch else ""
    side = Bits()
    side.put(0, 9)  # the main data begins in this frame; a private bit
    side.put(len(main), 12)
    side.put(line // 2 + 1 if pitch else 0, 9)  # pairs of lines that are coded
    side.put(_GAIN, 8)
    side.put(0, 9 + 1)  # no scale factors; a long window
    for _ in range(3):
        side.put(1, 5)  # Huffman table 1 in all three regions
    side.put(7, 4)
    side.put(7, 3)
    side.put(0, 2)
    side.text(main)
    return (_HEADER + side.bytes()).ljust(_SIZE, b"\0")


def _spectrum(line: int) -> str:
    """Table 1, pair by pair: 1 is (0, 0), 01 is (1, 0), 001 is (0, 1), each with a sign behind it."""
    return "1" * (line // 2) + ("010" if line % 2 == 0 else "0010")
