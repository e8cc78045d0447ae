"""Who is asking."""

import pytest

from pisces_proxy import auth
from pisces_proxy.auth import Credential
from pisces_proxy.errors import BadRequest, Forbidden, Unauthenticated
from pisces_proxy.keys import digest, hint, new_secret
from pisces_proxy.storage import Key

SECRET = "pisces-" + "a1B2" * 10
OTHER = "pisces-" + "z9Y8" * 10


@pytest.mark.parametrize(
    ("headers", "query", "secret"),
    [
        ({"Authorization": f"Bearer {SECRET}"}, {}, SECRET),
        ({"Authorization": f"bearer   {SECRET} "}, {}, SECRET),
        ({"Authorization": SECRET}, {}, SECRET),
        ({"x-api-key": SECRET}, {}, SECRET),
        ({"x-goog-api-key": SECRET}, {}, SECRET),
        ({"api-key": SECRET}, {}, SECRET),
        ({}, {"key": SECRET}, SECRET),
        ({"Authorization": "Bearer Pisces", "x-api-key": SECRET}, {}, SECRET),
        ({"Authorization": f"Bearer {SECRET}", "x-api-key": SECRET}, {}, SECRET),
        ({"Authorization": "Bearer placeholder"}, {"key": SECRET}, SECRET),
    ],
)
def test_a_key_is_found_wherever_clients_put_it(headers: dict[str, str], query: dict[str, str], secret: str) -> None:
    assert auth.chosen(auth.credentials(headers, query)).secret == secret


def test_two_different_keys_contradict_each_other() -> None:
    with pytest.raises(Unauthenticated, match="Two different API keys"):
        auth.chosen(auth.credentials({"Authorization": f"Bearer {SECRET}", "x-api-key": OTHER}, {}))


def test_no_key_at_all_says_where_to_put_one() -> None:
    with pytest.raises(Unauthenticated, match="Authorization: Bearer"):
        auth.chosen([])


def test_the_key_in_a_body_is_taken_out_of_it() -> None:
    found, body = auth.credential_in(b'{"model":"m","api_key":"%s","big":12345678901234567890}' % SECRET.encode())
    assert found == Credential("api_key in the body", SECRET)
    assert body == b'{"model":"m","big":12345678901234567890}'


def test_a_body_without_that_member_is_not_touched() -> None:
    body = b'{"messages": [{"role": "user", "content": "my \\"api_key\\" is lost"}]}'
    assert auth.credential_in(body) == (None, body)


def test_a_key_of_the_wrong_type_is_named() -> None:
    with pytest.raises(BadRequest) as caught:
        auth.credential_in(b'{"api_key": 5}')
    assert caught.value.param == "api_key"


def test_a_credential_does_not_show_its_secret() -> None:
    assert SECRET not in repr(Credential("Authorization", SECRET))


def test_a_secret_is_kept_as_a_digest_only() -> None:
    secret = new_secret("pcc_live_")
    assert secret.startswith("pcc_live_") and len(secret) == len("pcc_live_") + 40
    assert new_secret("p-") != new_secret("p-")
    assert secret not in digest(secret) and len(digest(secret)) == 64
    assert secret.endswith(hint(secret)) and len(hint(secret)) == 4


def key(**more: object) -> Key:
    return Key(id="k", name="k", account="a", digest="d", **more)  # type: ignore[arg-type]


def test_a_key_may_be_narrowed_to_models_without_regard_to_case() -> None:
    auth.check_model(key(models=("GPT-4o",)), "gpt-4O")
    auth.check_model(key(), "anything")
    with pytest.raises(Forbidden, match="It may use: GPT-4o"):
        auth.check_model(key(models=("GPT-4o",)), "claude")


@pytest.mark.parametrize(("remote", "allowed"), [("10.1.2.3", True), ("10.2.2.3", False), ("2001:db8::5", True), (None, False)])
def test_a_key_may_be_narrowed_to_networks(remote: str | None, allowed: bool) -> None:
    narrowed = key(networks=("10.1.0.0/16", "2001:db8::/32"))
    if allowed:
        auth._check_address(narrowed, remote)
    else:
        with pytest.raises(Forbidden, match="may not be used from"):
            auth._check_address(narrowed, remote)
