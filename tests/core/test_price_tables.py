"""[price] and a channel's cost in channels.toml: what they mean, and what they say when they are wrong."""

from __future__ import annotations

import pytest

from pisces_proxy import config
from pisces_proxy.errors import ConfigError
from pisces_proxy.pricebook import cost_price
from pisces_proxy.pricing import Rates, in_force

NOON = 1_767_268_800.0  # 2026-01-01 12:00 UTC
TWO = '[price."a"]\ninput = 1\n[price."b"]\n'
CHANNEL = '[[channel]]\nname = "x"\nprovider = "p"\n'


def rates(text: str, model: str = "m", at: float = NOON) -> Rates:
    found = in_force(config.parse(text).prices[model], at)
    assert found is not None
    return found


def test_every_key_of_a_table_is_a_rate() -> None:
    keys = "input output cached_input cache_write cache_write_1h reasoning audio_input audio_output image_input image_output"
    text = "\n".join(f"{key} = {n}" for n, key in enumerate(keys.split(), 1))
    units = rates(f"[price.m]\n{text}\nper_million_characters = 15\nper_call = 0.5\nper_search = 0.01").units
    assert [units[key] for key in keys.split()] == [n * 10**9 for n in range(1, 11)]
    assert (units["character"], units["call"], units["search"]) == (15 * 10**9, 5 * 10**14, 10**13)


def test_digits_are_kept_as_they_were_written() -> None:
    assert rates("[price.m]\ninput = 0.1\noutput = 1.100000001").units == {"input": 100_000_000, "output": 1_100_000_001}
    assert rates("[price.m]\nper_call = 0.000000000000001").units == {"call": 1}


def test_one_number_or_a_table_for_images_and_seconds() -> None:
    text = '[price.m]\nper_second = 0.1\n[price.m.per_image]\n"1024x1024/high" = 0.2\n"*" = 0.3'
    assert rates(text).seconds == {"*": 10**14}
    assert rates(text).images == {"1024x1024/high": 2 * 10**14, "*": 3 * 10**14}


def test_a_tier_stands_on_the_one_below_it() -> None:
    higher = "[[price.m.tiers]]\nabove = 200\ninput = 3\n"
    lower = "[[price.m.tiers]]\nabove = 100\ninput = 2\noutput = 6\n"
    text = f"[price.m]\ninput = 1\noutput = 5\n{higher}{lower}"
    first, second = rates(text).tiers
    assert (first.above, first.units) == (100, {"input": 2 * 10**9, "output": 6 * 10**9})
    assert (second.above, second.units) == (200, {"input": 3 * 10**9, "output": 6 * 10**9})


def test_each_table_of_a_model_holds_from_its_day_on() -> None:
    text = "[[price.m]]\ninput = 2\nvalid_from = 2026-01-02\n[[price.m]]\ninput = 1"
    assert rates(text, at=NOON).units == {"input": 10**9}
    assert rates(text, at=NOON + 43_199).units == {"input": 10**9}
    assert rates(text, at=NOON + 43_200).units == {"input": 2 * 10**9}


def test_a_price_says_where_it_is_from() -> None:
    found = in_force(config.parse("[price.m]\nfree = true", "my.toml").prices["m"], NOON)
    assert found is not None
    assert found.free
    assert found.source == "my.toml"


def test_a_channel_has_its_own_cost() -> None:
    text = CHANNEL + '[channel.cost."gpt"]\ninput = 1\n[channel.cost."*"]\ninput = 9\n' + CHANNEL.replace('"x"', '"y"')
    first, second = config.parse(text).channels
    found = [cost_price(first.cost, NOON, *names) for names in (("gpt",), ("public", "GPT"), ("other", "another"))]
    assert [cost and cost.units for cost in found] == [{"input": 10**9}, {"input": 10**9}, {"input": 9 * 10**9}]
    assert cost_price(second.cost, NOON, "gpt") is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (TWO + "inptu = 3", """:4: [price."b"] has no key 'inptu'. Did you mean 'input'?"""),
        (TWO + "input = 3\noutput = 'x'", """:5: [price."b"], key 'output': Expected `float | null`, got `str`."""),
        (TWO + "input = -3", """:4: [price."b"], key 'input': it must be from 0 to 1,000,000 USD."""),
        (TWO + "input = nan", ":4: [price.\"b\"], key 'input': it must be from 0"),
        (TWO + "input = inf", ":4: [price.\"b\"], key 'input': it must be from 0"),
        (
            TWO + "output = 1\ninput = 0.0000000001",
            ":5: [price.\"b\"], key 'input': it has too many decimals: 0.0000000001 USD. At most 9",
        ),
        (TWO + "per_call = 1e-16", ":4: [price.\"b\"], key 'per_call': it has too many decimals"),
        (TWO, ':3: [price."b"] names no rate. Write input = 2.5'),
        (TWO + "free = true\ninput = 1", ":4: [price.\"b\"], key 'free': it stands beside rates"),
        (TWO + 'input = 1\n[[price."b".tiers]]\ninput = 2', """:5: [price."b"] needs a key 'above' in each of its tiers."""),
        (
            TWO + 'input = 1\n[[price."b".tiers]]\nabove = 5\n[[price.b.tiers]]\nabove = 6\noutptu = 2',
            ":9: [price.\"b\"] has no key 'outptu'",
        ),
        (TWO + 'input = 1\n[[price."b".tiers]]\nabove = 0', ":6: [price.\"b\"], key 'above': it must be above 0"),
        (TWO + 'input = 1\n[[price."b".tiers]]\nabove = 5\ninput = -1', ":7: [price.\"b\"], key 'input': it must be from 0"),
        ('[[price."b"]]\ninput = 1\n[[price."b"]]\noutput = true', ":4: [price.\"b\"], key 'output': Expected"),
        ("[[price.b]]\ninput = 1\n[[price.b]]\ninput = 2", ":3: [price.\"b\"], key 'valid_from': it is the same twice"),
        ('[price.b]\ninput = 1\nvalid_from = "soon"', ":3: [price.\"b\"], key 'valid_from'"),
        ('[price.b.per_image]\n"1x1" = "x"', ":1: [price.\"b\"], key 'per_image': Expected"),
        ("price = 3", ":1: [price] must hold a table for each model"),
        ('price = { "a" = { inptu = 1 } }', ":1: [price.\"a\"] has no key 'inptu'"),
        (CHANNEL * 2 + '[channel.cost."a"]\ninptu = 1', "second channel of that name"),
        (
            CHANNEL + CHANNEL.replace('"x"', '"y"') + '[channel.cost."a"]\ninptu = 1',
            ":8: [channel.cost.\"a\"] has no key 'inptu'",
        ),
        (CHANNEL + "cost = 5", ":1: [channel.cost] must hold a table"),
        ("[defaults]\nrpm = -1", ":2: [defaults], key 'rpm'"),
    ],
)
def test_a_mistake_is_told_with_file_line_table_and_key(text: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config.parse(text, "my.toml")
    assert told in caught.value.message
    assert caught.value.message.startswith("my.toml")
