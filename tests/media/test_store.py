"""Kept files and their links: who may open them, until when, from where."""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

import pytest
from aiohttp import web

from media.plugin import PNG
from media.vendor import Asked, Client, Vendor
from pisces_proxy import links
from pisces_proxy.errors import ConfigError, NotFound
from pisces_proxy.links import Link
from pisces_proxy.media import Asset
from pisces_proxy.media_s3 import Bucket
from pisces_proxy.media_store import Folder, MediaStore, kept_at
from pisces_proxy.seals import Seals
from pisces_proxy.sigv4 import Access, signed

HOME = '[[channel]]\nname = "home"\nprovider = "home"\nmodels = ["brush"]\n'
WANTED = {"model": "brush", "prompt": "a red square", "response_format": "url"}
SEALS = Seals([b"a secret of this installation"])
NOON = 1_700_000_000.0


async def drawn(alice: Client) -> str:
    told = await alice.post("/v1/images/generations", WANTED)
    assert told.status == 200, told.raw
    return str(told.body["data"][0]["url"])


async def test_a_picture_lies_beside_the_database_where_nobody_says_otherwise(client, tmp_path: Path) -> None:
    url = await drawn(await client(HOME))
    assert [file.read_bytes() for file in (tmp_path / "pisces-media").glob("*/*")] == [PNG]
    assert url.endswith(".png")


async def test_a_folder_may_be_named(client, tmp_path: Path) -> None:
    await drawn(await client(HOME, server=f'media = "file://{tmp_path}/kept here"'))
    assert len(list((tmp_path / "kept here").glob("*/*.png"))) == 1


async def test_links_lead_to_the_address_that_the_installation_names(client) -> None:
    url = await drawn(await client(HOME, server='public_url = "https://pisces.example/"'))
    assert url.startswith("https://pisces.example/v1/media/")


async def test_a_part_of_a_file_can_be_asked_for_and_its_head(client) -> None:
    alice = await client(HOME)
    url = await drawn(alice)
    part = await alice.get(url, headers={"Range": "bytes=1-3"})
    assert (part.status, part.raw, part.headers["Content-Range"]) == (206, b"PNG", f"bytes 1-3/{len(PNG)}")
    async with alice.session.head(url) as head:
        assert (head.status, head.headers["Content-Length"]) == (200, str(len(PNG)))
    assert (await alice.get(url, headers={"Range": f"bytes={len(PNG)}-"})).status == 416


async def test_a_kept_file_never_runs_as_a_page(client) -> None:
    alice = await client(HOME)
    headers = (await alice.get(await drawn(alice))).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in headers["Content-Security-Policy"]


@pytest.mark.parametrize("change", ["cut", "flipped", "foreign", "traversal"])
async def test_a_link_that_was_not_given_out_opens_nothing(client, change: str) -> None:
    alice = await client(HOME)
    url = await drawn(alice)
    token = url.rpartition("/")[2]
    foreign = links.path_of(Link("x.png", "image/png", int(NOON * 2)), Seals([b"another"])).rpartition("/")[2]
    bad = {
        "cut": token[:-20],
        "flipped": token[:30] + ("A" if token[30] != "A" else "B") + token[31:],
        "foreign": foreign,
        "traversal": "..%2f..%2fetc%2fpasswd",
    }
    told = await alice.get(url.replace(token, bad[change]))
    assert (told.status, told.body["error"]["code"]) == (404, "invalid_link")


async def test_a_file_that_is_gone_is_a_404(client, tmp_path: Path) -> None:
    alice = await client(HOME)
    url = await drawn(alice)
    for file in (tmp_path / "pisces-media").glob("*/*"):
        file.unlink()
    told = await alice.get(url)
    assert (told.status, told.body["error"]["code"]) == (404, "file_not_found")


def test_a_link_is_good_until_it_expires() -> None:
    path = links.path_of(Link("day/a.png", "image/png", int(NOON) + 10), SEALS)
    assert links.read(path, SEALS, NOON) == Link("day/a.png", "image/png", int(NOON) + 10)
    with pytest.raises(NotFound, match="expired") as refused:
        links.read(path, SEALS, NOON + 10)
    assert refused.value.status == 410


def test_a_seal_of_something_else_is_no_link() -> None:
    from pisces_proxy.chat import Signature

    sealed = SEALS.seal(Signature(kind="thinking", data='["a","b",9999999999]'))
    assert sealed is not None
    with pytest.raises(NotFound):
        links.read(links.PATH + sealed.replace("+", "-").replace("/", "_"), SEALS, NOON)


async def test_what_has_expired_goes_and_the_rest_stays(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    for day in ("20231101", "20231110", "20231114"):
        await folder.put(f"{day}/a.png", PNG, "image/png")
    (tmp_path / "20231101" / "b.png").write_bytes(PNG)
    (tmp_path / "mine").mkdir()
    assert await folder.drop("20231110") == 2
    assert names_in(tmp_path) == ["20231110", "20231114", "mine"]


def names_in(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


async def test_the_store_keeps_a_file_for_as_long_as_its_link_is_good(tmp_path: Path) -> None:
    """Whatever the hour at which it was made: a day goes only once its last second has expired."""
    now = [NOON]
    store = MediaStore(Folder(tmp_path), SEALS, "", 86_400.0, lambda: now[0])
    link = links.read(await store.put(Asset(data=PNG, mime="image/png")), SEALS, NOON)
    now[0] = link.expires - 1
    day = f"{datetime.fromtimestamp(now[0] - 86_400.0, UTC):%Y%m%d}"
    assert await Folder(tmp_path).drop(day) == 0


@pytest.mark.parametrize("url", ["ftp://host/x", "file:relative", "s3:///nobucket", "nonsense"])
def test_a_place_that_is_none_stops_the_start(url: str) -> None:
    with pytest.raises(ConfigError, match="media"):
        kept_at(url, "sqlite:///pisces.db")


# -- buckets

AWS = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}


def test_the_signature_is_the_one_of_the_vendors_example() -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, GET Object."""
    access = Access("us-east-1", AWS["AWS_ACCESS_KEY_ID"], AWS["AWS_SECRET_ACCESS_KEY"])
    at = datetime(2013, 5, 24, tzinfo=UTC)
    url = "https://examplebucket.s3.amazonaws.com/test.txt"
    headers = signed(access, "GET", url, {"range": "bytes=0-9"}, b"", at)
    assert headers["Authorization"].endswith("Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")


def test_the_query_is_signed_as_in_the_vendors_example() -> None:
    """The same page, GET Bucket (List Objects)."""
    access = Access("us-east-1", AWS["AWS_ACCESS_KEY_ID"], AWS["AWS_SECRET_ACCESS_KEY"])
    url = "https://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J"
    headers = signed(access, "GET", url, {}, b"", datetime(2013, 5, 24, tzinfo=UTC))
    assert headers["Authorization"].endswith("Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7")


class Store:
    """A bucket at the network's edge. It checks who signed, by the headers it was sent."""

    def __init__(self, vendor: Vendor) -> None:
        self.files: dict[str, bytes] = {}
        self.vendor = vendor

    async def __call__(self, asked: Asked, request: web.Request) -> web.StreamResponse:
        if not _is_signed(asked, request):
            return web.Response(status=403, text="<Error><Code>SignatureDoesNotMatch</Code></Error>")
        name = unquote(asked.path).removeprefix("/bucket/")
        if asked.method == "PUT":
            self.files[name] = asked.raw
            self.vendor.on[asked.path] = self
            return web.Response()
        if asked.method == "DELETE":
            return web.Response(status=204 if self.files.pop(name, None) is not None else 404)
        if asked.path == "/bucket":
            keys = "".join(f"<Contents><Key>{name}</Key></Contents>" for name in sorted(self.files))
            return web.Response(text=f'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/">{keys}</ListBucketResult>')
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", asked.headers.get("range", ""))
        data = self.files[name]
        if wanted is None:
            return web.Response(body=data)
        first, last = int(wanted[1]), int(wanted[2])
        return web.Response(
            status=206, body=data[first : last + 1], headers={"Content-Range": f"bytes {first}-{last}/{len(data)}"}
        )


def _is_signed(asked: Asked, request: web.Request) -> bool:
    found = re.fullmatch(r".*SignedHeaders=(\S+),\s*Signature=(\w+)", asked.headers["authorization"])
    assert found is not None
    names = found[1].split(";")
    lines = "\n".join(f"{name}:{asked.headers[name]}" for name in names)
    body = hashlib.sha256(asked.raw).hexdigest()
    path, _, query = request.raw_path.partition("?")
    told = f"{asked.method}\n{path}\n{'&'.join(sorted(query.split('&')))}\n{lines}\n\n{found[1]}\n{body}"
    stamp = asked.headers["x-amz-date"]
    scope = f"{stamp[:8]}/eu-west-1/s3/aws4_request"
    key = b"AWS4" + AWS["AWS_SECRET_ACCESS_KEY"].encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signing = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(told.encode()).hexdigest()}"
    return hmac.new(key, signing.encode(), hashlib.sha256).hexdigest() == found[2]


@pytest.fixture
def bucket(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> Store:
    for name, value in AWS.items():
        monkeypatch.setenv(name, value)
    store = Store(vendor)

    class Any(dict[str, object]):
        def __missing__(self, path: str) -> Store:
            return store

    vendor.on = Any()  # type: ignore[assignment]
    return store


def at(vendor: Vendor) -> str:
    return f"s3://bucket/made here?endpoint={vendor.origin}&region=eu-west-1"


async def test_pictures_are_kept_in_a_bucket_and_come_from_it(vendor: Vendor, client, bucket: Store) -> None:
    alice = await client(HOME, server=f'media = "{at(vendor)}"')
    url = await drawn(alice)
    assert [name.partition("/")[0] for name in bucket.files] == ["made here"]
    told = await alice.get(url, headers={"Authorization": ""})
    assert (told.status, told.raw, told.headers["Content-Type"]) == (200, PNG, "image/png")
    part = await alice.get(url, headers={"Range": "bytes=1-3"})
    assert (part.status, part.raw) == (206, b"PNG")
    async with alice.session.head(url) as head:
        assert (head.status, head.headers["Content-Length"]) == (200, str(len(PNG)))


async def test_a_bucket_is_pruned_by_day(vendor: Vendor, bucket: Store) -> None:
    kept = Bucket.at(at(vendor))
    try:
        for name in ("20231101/a.png", "20231114/b.png"):
            await kept.put(name, PNG, "image/png")
        assert await kept.drop("20231110") == 1
        assert list(bucket.files) == ["made here/20231114/b.png"]
    finally:
        await kept.close()


async def test_a_bucket_that_refuses_is_a_503_that_says_why(vendor: Vendor, client, bucket: Store, monkeypatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not the one")
    alice = await client(HOME, server=f'media = "{at(vendor)}"')
    told = await alice.post("/v1/images/generations", WANTED)
    assert (told.status, "SignatureDoesNotMatch" in told.body["error"]["message"]) == (503, True)


def test_a_bucket_needs_credentials() -> None:
    with pytest.raises(ConfigError, match="AWS_ACCESS_KEY_ID"):
        Bucket.at("s3://bucket", {})
