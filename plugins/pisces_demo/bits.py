"""Bits one behind the other, for formats that do not stop at bytes."""

from __future__ import annotations


class Bits:
    """Grows at its end; `bytes` fills up with zeros."""

    def __init__(self) -> None:
        self._whole = bytearray()
        self._rest = ""

    def put(self, value: int, width: int) -> None:
        """A number in so many bits."""
        self.text(f"{value:0{width}b}")

    def text(self, bits: str) -> None:
        """Bits as ones and zeros."""
        self._rest += bits
        if len(self._rest) >= 8:
            self._flush()

    def unsigned(self, value: int) -> None:
        """Exponential-Golomb, as H.264 writes most numbers."""
        width = (value + 1).bit_length()
        self.text(f"{value + 1:0{2 * width - 1}b}")

    def aligned(self, data: bytes) -> None:
        """Whole bytes, from the next byte on."""
        self.text("0" * (-len(self._rest) % 8))
        self._whole += data

    def bytes(self) -> bytes:
        return bytes(self._whole) + (int(self._rest.ljust(8, "0"), 2).to_bytes(1, "big") if self._rest else b"")

    def _flush(self) -> None:
        count = len(self._rest) // 8
        self._whole += int(self._rest[: count * 8], 2).to_bytes(count, "big")
        self._rest = self._rest[count * 8 :]
