"""The one table of the admin API: it is what is served, and what the OpenAPI description says."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any, Literal

import msgspec

from . import accounts, asked, channels, keys, prices, reports, tasks, told
from .desk import AnyCall, Desk

ROOT = "/api/admin/v1"
Method = Literal["GET", "POST", "PATCH", "DELETE"]


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """`refuses`: statuses besides those that any call may end in. `answer` None: no content. `free`: without a token."""

    method: Method
    path: str
    call: Callable[[Desk, AnyCall], Awaitable[Any]]
    answer: Any
    says: str
    status: int = 200
    query: type[asked.Asked] = asked.Nothing
    body: Any = None
    refuses: tuple[int, ...] = ()

    @property
    def tag(self) -> str:
        return self.path.split("/")[4]

    @property
    def parameters(self) -> list[str]:
        return re.findall(r"\{(\w+)\}", self.path)

    @property
    def pattern(self) -> re.Pattern[str]:
        return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.path))

    @property
    def statuses(self) -> list[int]:
        """Every status that an error may have here."""
        sent = (413, 415) if self.body is not None else ()
        named = (404,) if self.parameters else ()
        return sorted({400, 401, 503, *sent, *named, *self.refuses})


def _route(
    method: Method, path: str, call: Callable[[Desk, Any], Awaitable[Any]], answer: Any, says: str, **more: Any
) -> Route:
    return Route(method=method, path=ROOT + path, call=call, answer=answer, says=says, **more)


ROUTES: tuple[Route, ...] = (
    _route("GET", "/accounts", accounts.list_accounts, told.Accounts, "All accounts with their balances.", query=asked.Page),
    _route(
        "POST", "/accounts", accounts.create_account, told.Account, "Make an account.",
        status=201, body=asked.AccountNew, refuses=(409,),
    ),
    _route("GET", "/accounts/{name}", accounts.get_account, told.Account, "One account with its balance."),
    _route(
        "PATCH", "/accounts/{name}", accounts.change_account, told.Account,
        "Change whether an account is unlimited, or its credit line.", body=asked.AccountChange,
    ),
    _route(
        "POST", "/accounts/{name}/credits", accounts.credit_account, told.Account,
        "Add to a balance, once for each id.", body=asked.CreditBody, refuses=(422,),
    ),
    _route(
        "POST", "/accounts/{name}/adjustments", accounts.adjust_account, told.Account,
        "Correct a balance, up or down, once for each id.", body=asked.AdjustmentBody, refuses=(422,),
    ),
    _route("GET", "/keys", keys.list_keys, told.Keys, "All keys, the oldest first.", query=asked.KeysQuery),
    _route(
        "POST", "/keys", keys.create_key, told.KeyMade, "Make a key; its secret is in this answer and no other.",
        status=201, body=asked.KeyNew, refuses=(404, 409),
    ),
    _route("GET", "/keys/{key}", keys.get_key, told.Key, "One key, by id or name."),
    _route(
        "PATCH", "/keys/{key}", keys.change_key, told.Key, "Change a key. Gateways see it within a second.",
        body=asked.KeyChange, refuses=(409,),
    ),
    _route(
        "POST", "/keys/{key}/rotate", keys.rotate_key, told.KeyMade, "Give a key a new secret; the old one ends.",
        refuses=(409,),
    ),
    _route("DELETE", "/keys/{key}", keys.delete_key, None, "Take a key away. What it used stays.", status=204),
    _route(
        "GET", "/usage", reports.sum_usage, told.UsageSums, "Sums by model, key, channel, account or day.",
        query=asked.UsageQuery,
    ),
    _route("GET", "/requests", reports.list_requests, told.Requests, "Requests, the newest first.", query=asked.RequestsQuery),
    _route("GET", "/requests/{request_id}", reports.get_request, told.RequestInFull, "One request, its attempts and its bill."),
    _route("GET", "/ledger", reports.list_ledger, told.Ledger, "Rows in the order they were written.", query=asked.LedgerQuery),
    _route("GET", "/ledger/verify", reports.verify_ledger, told.Verified, "Recompute every balance from its rows."),
    _route("GET", "/channels", channels.list_channels, told.Channels, "Channels with their health."),
    _route("GET", "/channels/{name}", channels.get_channel, told.Channel, "One channel with its health."),
    _route("POST", "/channels/{name}/enable", channels.enable_channel, told.Channel, "Let a channel take requests again."),
    _route(
        "POST", "/channels/{name}/disable", channels.disable_channel, told.Channel,
        "Take a channel out; running answers finish.",
    ),
    _route(
        "GET", "/prices", prices.list_prices, told.Prices, "Prices in force of the models that are served, or of one model.",
        query=asked.PricesQuery,
    ),
    _route("GET", "/tasks", tasks.list_tasks, told.Tasks, "Tasks, the newest first.", query=asked.TasksQuery),
    _route("GET", "/tasks/{id}", tasks.get_task, told.TaskInFull, "One task, its submissions and its webhooks."),
    _route(
        "POST", "/tasks/{id}/cancel", tasks.cancel_task, told.TaskInFull,
        "End a task. Nothing is charged, and its upstream is asked to stop.", refuses=(409,),
    ),
    _route("POST", "/tasks/{id}/redeliver", tasks.redeliver, told.Deliveries, "Tell of a task's end once more."),
    _route(
        "GET", "/accounts/{name}/webhook-secret", tasks.get_secret, told.HookSecret,
        "The secret that signs an account's webhooks.",
    ),
    _route(
        "POST", "/accounts/{name}/webhook-secret/rotate", tasks.rotate_secret, told.HookSecret,
        "Make a new one. The one before signs too for a day.",
    ),
    _route("GET", "/audits", reports.list_audits, told.Audits, "Who changed what.", query=asked.AuditsQuery),
    _route(
        "POST", "/reload", channels.reload, told.Reloaded,
        "Read the configuration again. A file with a mistake is refused and the old one stays.", refuses=(422,),
    ),
)  # fmt: skip
