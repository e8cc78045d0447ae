"""An MP4 around frames of H.264: the boxes of ISO 14496-12 that one silent track needs, the index in front."""

from __future__ import annotations

import struct

_SCALE = 1000  # time is told in milliseconds
_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


def write(frames: list[bytes], sequence: bytes, picture: bytes, width: int, height: int, rate: int) -> bytes:
    """`frames` are units of H.264 without lengths, the first one a key frame."""
    samples = [struct.pack(">I", len(frame)) + frame for frame in frames]
    start = _box(b"ftyp", b"isom", struct.pack(">I", 512), b"isomiso2avc1mp41")
    length = len(start) + len(_movie(samples, sequence, picture, width, height, rate, 0))
    index = _movie(samples, sequence, picture, width, height, rate, length + 8)
    return start + index + _box(b"mdat", *samples)


def _box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I", len(body) + 8) + kind + body


def _full(kind: bytes, flags: int, *parts: bytes) -> bytes:
    return _box(kind, struct.pack(">I", flags), *parts)


def _movie(samples: list[bytes], sequence: bytes, picture: bytes, width: int, height: int, rate: int, offset: int) -> bytes:
    lasts = len(samples) * _SCALE // rate
    head = struct.pack(">4I", 0, 0, _SCALE, lasts) + struct.pack(">IHH8x", 0x10000, 0x100, 0) + _MATRIX
    header = _full(b"mvhd", 0, head, bytes(24), struct.pack(">I", 2))
    shown = struct.pack(">5I8xHHHH", 0, 0, 1, 0, lasts, 0, 0, 0, 0) + _MATRIX + struct.pack(">II", width << 16, height << 16)
    clock = _full(b"mdhd", 0, struct.pack(">4IHH", 0, 0, _SCALE, lasts, 0x55C4, 0))
    handler = _full(b"hdlr", 0, struct.pack(">I4s12x", 0, b"vide"), b"video\0")
    where = _box(b"dinf", _full(b"dref", 0, struct.pack(">I", 1), _full(b"url ", 1)))
    table = _table(samples, sequence, picture, width, height, rate, offset)
    inner = _box(b"minf", _full(b"vmhd", 1, bytes(8)), where, table)
    return _box(b"moov", header, _box(b"trak", _full(b"tkhd", 3, shown), _box(b"mdia", clock, handler, inner)))


def _table(samples: list[bytes], sequence: bytes, picture: bytes, width: int, height: int, rate: int, offset: int) -> bytes:
    """How long each frame lasts, how large it is, where they lie: all in one chunk."""
    count = len(samples)
    return _box(
        b"stbl",
        _full(b"stsd", 0, struct.pack(">I", 1), _codec(sequence, picture, width, height)),
        _full(b"stts", 0, struct.pack(">3I", 1, count, _SCALE // rate)),
        _full(b"stss", 0, struct.pack(">2I", 1, 1)),
        _full(b"stsc", 0, struct.pack(">4I", 1, 1, count, 1)),
        _full(b"stsz", 0, struct.pack(f">{count + 2}I", 0, count, *map(len, samples))),
        _full(b"stco", 0, struct.pack(">2I", 1, offset)),
    )


def _codec(sequence: bytes, picture: bytes, width: int, height: int) -> bytes:
    sets = b"\xe1" + struct.pack(">H", len(sequence)) + sequence + b"\x01" + struct.pack(">H", len(picture)) + picture
    config = _box(b"avcC", b"\x01" + sequence[1:4] + b"\xff" + sets)
    look = struct.pack(">6xH16xHHIIIH32xHh", 1, width, height, 0x480000, 0x480000, 0, 1, 24, -1)
    return _box(b"avc1", look, config)
