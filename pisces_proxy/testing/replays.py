"""Idempotency keys: one request runs, the others learn of it, its answer is kept."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from ..ledger import Claim, Heard, Stored
from ..storage import Storage
from .contract import Contract
from .samples import NOON

HOUR = 3600.0
ANSWER = Stored(request_id="r1", status=200, headers={"content-type": "a/b", "x": "ü"}, body=b"\0\xff" * 70_000, stream=True)
TOO_LARGE = Stored(request_id="r1", status=200, headers={}, body=None)


async def claim(storage: Storage, request_id: str = "r1", at: float = NOON, **fields: Any) -> Claim:
    given: dict[str, Any] = {"scope": "acme", "key": "k", "fingerprint": "f", **fields}
    return await storage.claim(**given, request_id=request_id, now=at, expires_at=at + HOUR)


class ReplayContract(Contract):
    async def test_of_twenty_at_once_one_runs(self, storage: Storage) -> None:
        claims = await asyncio.gather(*(claim(storage, f"r{n}") for n in range(20)))
        (winner,) = [f"r{n}" for n, claimed in enumerate(claims) if claimed.state == "new"]
        assert [claimed.state for claimed in claims].count("running") == 19
        assert {claimed.request_id for claimed in claims} == {winner}

    async def test_the_holder_may_ask_again(self, storage: Storage) -> None:
        assert [(await claim(storage)).state for _ in range(3)] == ["new"] * 3

    async def test_an_answer_is_kept_byte_for_byte(self, storage: Storage, url: str) -> None:
        for answer in (ANSWER, TOO_LARGE):
            key = str(answer.body is None)
            await claim(storage, key=key)
            for _ in range(2):
                await storage.keep("acme", key, answer)
            assert await claim(storage, "r2", key=key) == Claim(state="done", request_id="r1", stored=answer)
        async with self.opened(url) as again:
            assert (await claim(again, "r3", key="False")).stored == ANSWER

    async def test_another_request_under_the_key_is_told_so(self, storage: Storage) -> None:
        await claim(storage)
        assert await claim(storage, "r2", fingerprint="g") == Claim(state="other", request_id="r1")
        await storage.keep("acme", "k", ANSWER)
        assert await claim(storage, "r2", fingerprint="g") == Claim(state="other", request_id="r1")
        assert (await claim(storage, "r2")).state == "done"

    async def test_keys_of_different_scopes_are_different(self, storage: Storage) -> None:
        assert [(await claim(storage, scope, scope=scope)).state for scope in ("a", "b", "")] == ["new"] * 3

    async def test_a_key_is_free_again_when_it_has_expired(self, storage: Storage) -> None:
        await claim(storage)
        await storage.keep("acme", "k", ANSWER)
        assert (await claim(storage, "r2", NOON + HOUR - 1)).state == "done"
        again = await claim(storage, "r2", NOON + HOUR, fingerprint="g")
        assert again == Claim(state="new", request_id="r2")
        assert (await claim(storage, "r3", NOON + HOUR, fingerprint="g")).state == "running"

    async def test_a_key_whose_process_is_gone_is_free_at_once(self, storage: Storage) -> None:
        gone: dict[str, Any] = {"owner": "me", "dead": lambda owner: owner == "killed"}
        await claim(storage, owner="killed")
        assert (await claim(storage, "r2", owner="me")).state == "running"
        assert await claim(storage, "r2", **gone) == Claim(state="new", request_id="r2")
        assert (await claim(storage, "r3", **gone)).state == "running"
        await storage.keep("acme", "k", msgspec.structs.replace(ANSWER, request_id="r2"))
        assert (await claim(storage, "r3", owner="me", dead=lambda owner: True)).state == "done"

    async def test_a_key_without_an_answer_worth_keeping_is_free_again(self, storage: Storage) -> None:
        await claim(storage)
        await storage.unclaim("acme", "k", "somebody else")
        assert (await claim(storage, "r2")).state == "running"
        for _ in range(2):
            await storage.unclaim("acme", "k", "r1")
        assert (await claim(storage, "r2")).state == "new"

    async def test_only_the_holder_can_keep_an_answer_and_only_once(self, storage: Storage) -> None:
        await claim(storage, "r0")
        await storage.keep("acme", "k", ANSWER)
        assert (await claim(storage, "r2")).state == "running"
        await storage.unclaim("acme", "k", "r0")
        await claim(storage)
        await storage.keep("acme", "k", ANSWER)
        await storage.keep("acme", "k", TOO_LARGE)
        await storage.unclaim("acme", "k", "r1")
        assert (await claim(storage, "r2")).stored == ANSWER
        await storage.keep("acme", "never claimed", ANSWER)
        assert (await claim(storage, "r2", key="never claimed")).state == "new"

    async def test_what_has_expired_is_dropped_and_nothing_else(self, storage: Storage) -> None:
        for n in range(5):
            await claim(storage, str(n), NOON + n, key=str(n))
        assert await storage.prune(NOON + HOUR + 2, limit=2) == 2
        assert await storage.prune(NOON + HOUR + 2) == 1
        await storage.sweep(NOON + HOUR + 3)
        states = [(await claim(storage, "other", NOON + HOUR, key=str(n))).state for n in range(5)]
        assert states == ["new", "new", "new", "new", "running"]

    # -- heard in other processes while it runs

    async def test_the_holder_learns_when_somebody_else_asks(self, storage: Storage) -> None:
        assert [(await claim(storage)).asked_at for _ in range(2)] == [0.0, 0.0]
        await claim(storage, "r2", NOON + 5)
        assert (await claim(storage)).asked_at == NOON + 5
        await claim(storage, "r3", NOON + 6, fingerprint="g")
        assert (await claim(storage)).asked_at == NOON + 5
        await storage.unclaim("acme", "k", "r1")
        assert (await claim(storage, "r2")).asked_at == 0.0

    async def test_what_the_holder_publishes_is_heard_from_anywhere(self, storage: Storage, url: str) -> None:
        await claim(storage)
        assert await storage.published("r1", 0) is None
        for _ in range(2):
            await storage.publish("acme", "k", "r1", {"x": "ü"}, 0, b"\0one")
            await storage.publish("acme", "k", "r1", {"x": "ü"}, 4, b"two")
        async with self.opened(url) as second:
            whole, rest = await second.published("r1", 0), await second.published("r1", 4)
            assert whole == Heard(headers={"x": "ü"}, data=b"\0onetwo")
            assert rest is not None
            assert rest.data == b"two"
            assert await second.published("r1", 7) is None
            assert await second.published("r2", 0) is None

    async def test_nothing_is_heard_of_who_does_not_hold_the_key_or_has_ended(self, storage: Storage) -> None:
        await claim(storage)
        for scope, key, request_id in (("acme", "k", "r2"), ("acme", "other", "r1"), ("other", "k", "r1")):
            await storage.publish(scope, key, request_id, {}, 0, b"x")
            assert await storage.published(request_id, 0) is None
        await storage.publish("acme", "k", "r1", {}, 0, b"x")
        await storage.keep("acme", "k", ANSWER)
        assert await storage.published("r1", 0) is None
        await storage.publish("acme", "k", "r1", {}, 1, b"late")
        assert await storage.published("r1", 0) is None
        await claim(storage, "r5", key="free")
        await storage.publish("acme", "free", "r5", {}, 0, b"x")
        await storage.unclaim("acme", "free", "r5")
        assert await storage.published("r5", 0) is None

    async def test_what_a_killed_holder_published_is_swept(self, storage: Storage) -> None:
        await claim(storage)
        await storage.publish("acme", "k", "r1", {}, 0, b"x")
        await storage.sweep(NOON)
        assert await storage.published("r1", 0) is not None
        await storage.sweep(NOON + HOUR)
        await storage.sweep(NOON + HOUR)
        assert await storage.published("r1", 0) is None
