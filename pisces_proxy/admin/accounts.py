"""Accounts and their money."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Literal

import msgspec
from msgspec import UNSET

from ..errors import BadRequest, Conflict, KeyReused
from ..ledger import Balance
from ..storage import ACCOUNT_NAME, ACCOUNT_NAMES, Account
from . import told
from .asked import AccountChange, AccountNew, AdjustmentNew, CreditNew, Nothing, Page
from .desk import Call, Desk, audit, missing, moment, paged, printable


async def list_accounts(desk: Desk, call: Call[Page, None]) -> told.Accounts:
    page, cursor = paged(await desk.storage.accounts(), call.query, lambda account: account.name)
    return told.Accounts(data=[await _told(desk, account) for account in page], next_cursor=cursor)


def _nameable(name: str) -> str:
    if not ACCOUNT_NAME.fullmatch(printable(name, "name")):
        raise BadRequest(f"`name` must be {ACCOUNT_NAMES}.", param="name", code="invalid_value")
    return name


async def create_account(desk: Desk, call: Call[Nothing, AccountNew]) -> told.Account:
    new = call.body
    if await desk.storage.find_account(_nameable(new.name)) is not None:
        raise _taken(new.name)
    account = Account(**msgspec.structs.asdict(new), created_at=time.time())
    done = audit(call.actor, "account.create", new.name, msgspec.structs.asdict(new))
    try:
        await desk.storage.add_account(account, audit=done)
    except ValueError:  # made by somebody else a moment ago
        raise _taken(new.name) from None
    return await _told(desk, account)


async def get_account(desk: Desk, call: Call[Nothing, None]) -> told.Account:
    return await _told(desk, await _account(desk, call.path["name"]))


async def change_account(desk: Desk, call: Call[Nothing, AccountChange]) -> told.Account:
    account = await _account(desk, call.path["name"])
    changes = {name: value for name, value in msgspec.structs.asdict(call.body).items() if value is not UNSET}
    if changes:
        done = audit(call.actor, "account.change", account.name, changes)
        account = await desk.storage.change_account(account.name, changes, audit=done) or account
    return await _told(desk, account)


async def credit_account(desk: Desk, call: Call[Nothing, CreditNew]) -> told.Account:
    return await _deposit(desk, call.path["name"], call.actor, "credit", call.body, desk.storage.credit)


async def adjust_account(desk: Desk, call: Call[Nothing, AdjustmentNew]) -> told.Account:
    return await _deposit(desk, call.path["name"], call.actor, "adjust", call.body, desk.storage.adjust)


async def _deposit(
    desk: Desk,
    name: str,
    actor: str,
    kind: Literal["credit", "adjust"],
    new: CreditNew | AdjustmentNew,
    write: Callable[..., Awaitable[Balance]],
) -> told.Account:
    """Once for each id, however often it is sent; so is its audit."""
    amount, account = _amount(new), await _account(desk, name)
    done = audit(actor, f"account.{kind}", name, {"id": new.id, "amount_nano": amount, "note": new.note})
    try:
        await write(name, amount, id=new.id, note=new.note, actor=actor, audit=done)
    except ValueError as error:
        raise KeyReused(f"This is not accepted: {error}.", param="id", code="not_accepted") from None
    return await _told(desk, account)


def _amount(new: CreditNew | AdjustmentNew) -> int:
    """In nano-dollars, exactly: the pattern leaves at most nine decimals."""
    match new.amount_nano, new.usd:
        case int(nano), msgspec.UnsetType():
            return nano
        case msgspec.UnsetType(), str(dollars):
            return int(Decimal(dollars).scaleb(9))
    raise BadRequest("Send either `amount_nano` or `usd`.", param="amount_nano", code="invalid_value")


async def _account(desk: Desk, name: str) -> Account:
    account = await desk.storage.find_account(name)
    if account is None:
        raise missing("account", name)
    return account


async def _told(desk: Desk, account: Account) -> told.Account:
    balance = await desk.storage.balance(account.name) or Balance(account=account.name)
    return told.Account(
        name=account.name,
        enabled=account.enabled,
        unlimited=account.unlimited,
        credit_line_nano=account.credit_line_nano,
        balance_nano=balance.balance_nano,
        reserved_nano=balance.reserved_nano,
        available_nano=balance.available_nano,
        credited_nano=balance.credited_nano,
        spent_nano=balance.spent_nano,
        created_at=moment(account.created_at),
    )


def _taken(name: str) -> Conflict:
    return Conflict(f"An account named {name!r} exists already.", param="name", code="name_taken")
