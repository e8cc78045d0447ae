"""Units as people read them."""

from __future__ import annotations

import pytest

from pisces_proxy.cli.tables import dollars, moment


@pytest.mark.parametrize(
    ("nano", "text"),
    [
        (0, "$0.00"),
        (1, "$0.000000001"),
        (1_500_000_000, "$1.50"),
        (-2_000_000_001, "-$2.000000001"),
        (1_234_567_000_000_000, "$1,234,567.00"),
        (None, ""),
    ],
)
def test_no_digit_of_an_amount_is_lost(nano: int | None, text: str) -> None:
    assert dollars(nano) == text


def test_moments_are_rfc_3339_in_utc() -> None:
    assert moment(1_700_000_000.9) == "2023-11-14T22:13:20Z"
    assert moment(None) is None
