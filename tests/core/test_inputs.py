"""Files and words of requests, as vendors want them written."""

from __future__ import annotations

import base64

import pytest

from pisces_proxy import inputs
from pisces_proxy.errors import UpstreamBroken
from pisces_proxy.forms import Held
from pisces_proxy.media import Asset, Image

PNG = b"\x89PNG\r\n\x1a\n" + bytes(24)


def test_a_file_is_linked_by_its_url_or_as_what_its_bytes_show() -> None:
    assert inputs.link(Asset(url="https://files.example/a.png")) == "https://files.example/a.png"
    assert inputs.link(Asset(data=PNG, mime="image/jpeg")).startswith("data:image/png;base64,iVBOR")
    assert inputs.link(Asset(file=Held(b"??"), mime="")) == "data:image/png;base64,Pz8="
    assert inputs.encoded(Asset(file=Held(b"??"))) == "Pz8="


def test_a_result_in_a_data_uri_is_its_bytes() -> None:
    uri = "data:image/png;base64," + base64.b64encode(PNG).decode()
    assert inputs.linked(uri) == Asset(data=PNG, mime="image/png")
    assert inputs.linked("https://files.example/a") == Asset(url="https://files.example/a")
    with pytest.raises(UpstreamBroken):
        inputs.linked("data:image/png;base64,***")


def test_strangers_are_looked_for_below_the_name_of_a_format_too() -> None:
    taken, losses = inputs.own_members({"openai.images": {"steps": 4, "colour": "red"}, "raw": True}, {"steps", "raw"})
    assert taken == {"steps": 4, "raw": True}
    assert [loss.field for loss in losses] == ["colour"]
    assert inputs.own_members({"openai.images": {"steps": 4}}) == ({"steps": 4}, ())


def test_what_was_set_and_is_unknown_is_listed() -> None:
    request = Image(prompt="p", quality="auto", style="vivid")
    assert [loss.field for loss in inputs.unheard(request, ("quality", "style", "seed"))] == ["style"]
