"""Sizes and ratios, brought to what a model makes."""

from __future__ import annotations

import pytest

from pisces_proxy import shapes


@pytest.mark.parametrize(
    ("size", "ratio", "expected"),
    [
        ("1024x1024", "", "1:1"),
        ("1792x1024", "", "16:9"),
        ("", "9:16", "9:16"),
        ("1024x1536", "16:9", "2:3"),
        ("", "20:9", "21:9"),
        ("2K", "", ""),
        ("", "adaptive", ""),
        ("", "", ""),
    ],
)
def test_the_nearest_ratio_is_found(size: str, ratio: str, expected: str) -> None:
    assert shapes.ratio_for(size, ratio) == expected


@pytest.mark.parametrize(
    ("size", "ratio", "expected"),
    [
        ("1024x1024", "", (1024, 1024)),
        ("1000x1000", "", (992, 992)),
        ("4096x2048", "", (1440, 704)),
        ("100x100", "", (256, 256)),
        ("", "1:1", (1024, 1024)),
        ("2K", "16:9", (1440, 800)),
        ("1K", "", (1024, 1024)),
        ("", "", None),
        ("", "auto", None),
        ("0x10", "", None),
    ],
)
def test_pixels_come_in_steps_and_within_bounds(size: str, ratio: str, expected: tuple[int, int] | None) -> None:
    assert shapes.pixels_for(size, ratio, step=32, least=256, most=1440) == expected


def test_the_nearest_of_equals_is_the_first() -> None:
    assert shapes.nearest(1.0, ("4:3", "3:4")) == "4:3"
