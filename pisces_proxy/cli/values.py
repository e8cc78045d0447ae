"""What users write after an option, as the storage keeps it; or what is wrong with it."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from decimal import Decimal, InvalidOperation

import click

NONE = object()  # what was written as none


def dollars(written: str) -> int:
    """US dollars as nano-dollars, exactly."""
    nano = correction(written)
    if nano < 0:
        raise click.BadParameter(f"{written!r} cannot be kept: it takes 0 or more dollars.")
    return nano


def correction(written: str) -> int:
    """The same, up or down: 5, -0.25, -$3."""
    try:
        nano = Decimal(written.replace("$", "", 1)).scaleb(9)
    except InvalidOperation:
        raise click.BadParameter(f"{written!r} is not an amount of dollars. Write 5 or 0.25.") from None
    if not nano.is_finite() or abs(nano) >= 2**63 or nano != int(nano):
        raise click.BadParameter(f"{written!r} cannot be kept: dollars have at most nine decimals and nine digits before them.")
    return int(nano)


def network(written: str) -> str:
    """An address or a CIDR range."""
    try:
        return str(ipaddress.ip_network(written.strip(), strict=False))
    except ValueError:
        raise click.BadParameter(f"{written!r} is no address range. Write 10.0.0.0/8, 2001:db8::/32 or one address.") from None


def duration(written: str) -> float:
    """How long, in seconds."""
    from ..config import seconds
    from ..errors import ConfigError

    try:
        return seconds(written)
    except ConfigError as error:
        raise click.BadParameter(error.message) from None


def name(written: str) -> str:
    """What a key or an account is called."""
    if not written.strip() or not written.isprintable() or len(written) > 200:
        raise click.BadParameter("a name has 1 to 200 printable characters.")
    return written


def account(written: str) -> str:
    """What an account is called."""
    from ..storage import ACCOUNT_NAME, ACCOUNT_NAMES

    if not ACCOUNT_NAME.fullmatch(written):
        raise click.BadParameter(f"a name is {ACCOUNT_NAMES}.")
    return written


def models(written: str) -> tuple[str, ...]:
    """Names between commas."""
    names = tuple(dict.fromkeys(part.strip() for part in written.split(",") if part.strip()))
    if not names:
        raise click.BadParameter("it names no model. Leave the option out to allow all.")
    return names


def count(written: str) -> int:
    """One or more."""
    if not written.isascii() or not written.isdigit() or not 0 < int(written) < 2**63:
        raise click.BadParameter(f"{written!r} is no number of 1 or more.")
    return int(written)


def or_none(read: Callable[[str], object]) -> Callable[[str], object]:
    """The same, or the word none, which takes away what there was. It is told apart from what nobody wrote."""
    return lambda written: NONE if written == "none" else read(written)
