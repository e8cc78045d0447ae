"""Which price is in force: the tables first, then the built-in book, by public name, upstream's name and provider."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime

import pytest

from pisces_proxy import config
from pisces_proxy.pricebook import PriceBook, built_in
from pisces_proxy.pricing import in_force, price
from pisces_proxy.usage import Usage

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC).timestamp()
TABLES = (
    '[price."GPT-4o"]\ninput = 7\n[price."house-model"]\ninput = 8\n[[price."gpt-4o-mini"]]\ninput = 9\nvalid_from = 2100-01-01'
)


@pytest.fixture(scope="module")
def book() -> PriceBook:
    return PriceBook(config.parse(TABLES).prices)


def test_a_table_overrides_the_built_in_price_whatever_its_case(book: PriceBook) -> None:
    found = book.lookup("gpt-4O", NOW)
    assert found is not None
    assert found.units == {"input": 7 * 10**9}


def test_the_upstreams_name_serves_where_the_public_one_has_no_price(book: PriceBook) -> None:
    found = book.lookup("fast", NOW, upstream="house-model")
    assert found is not None
    assert found.units == {"input": 8 * 10**9}
    built = book.lookup("[M]claude-sonnet-4", NOW, upstream="Claude-Sonnet-4")
    assert built is not None
    assert built.units["output"] == 15 * 10**9


def test_a_table_that_does_not_hold_yet_leaves_the_built_in_price(book: PriceBook) -> None:
    found = book.lookup("gpt-4o-mini", NOW)
    assert found is not None
    assert found.source == "built-in"
    later = book.lookup("gpt-4o-mini", datetime(2100, 1, 1, tzinfo=UTC).timestamp())
    assert later is not None
    assert later.units == {"input": 9 * 10**9}


def test_a_provider_prices_what_its_name_alone_does_not(book: PriceBook) -> None:
    assert book.lookup("llama-guard-4-12b-of-nobody", NOW, provider="groq") is None
    assert built_in("anthropic.claude-3-haiku-20240307-v1:0", "bedrock") is not None
    assert book.lookup("kimi-k2", NOW, upstream="kimi-k2", provider="moonshot") is not None


@pytest.mark.parametrize("model", ["", "no-such-model", "gpt-nonsense", "x" * 5000])
def test_a_model_without_a_price_has_none(book: PriceBook, model: str) -> None:
    assert book.lookup(model, NOW, provider="no-such-provider") is None


def test_without_the_built_in_book_the_tables_are_all() -> None:
    alone = PriceBook(config.parse(TABLES).prices, built_in=False)
    assert alone.lookup("gpt-4o", NOW) is not None
    assert alone.lookup("gpt-4o-mini", NOW) is None
    assert alone.lookup("claude-sonnet-4-6", NOW) is None


def test_a_built_in_price_has_its_units() -> None:
    schedule = built_in("gpt-4o")
    assert schedule is not None
    found = in_force(schedule, NOW)
    assert found is not None
    assert price(Usage(input=1000, cached_input=400, output=10), found)[0] == 1_500_000 + 500_000 + 100_000
    assert found.units["search"] == 10**13  # $10 for a thousand


def test_built_in_tiers_are_of_the_whole_prompt() -> None:
    schedule = built_in("gemini-2.5-pro")
    assert schedule is not None
    found = in_force(schedule, NOW)
    assert found is not None
    assert price(Usage(input=200_000, output=1), found)[0] == 250_000_000 + 10_000
    assert price(Usage(input=200_001, output=1), found)[0] == 500_002_500 + 15_000


def test_built_in_prices_by_the_hour_are_prices_by_the_second() -> None:
    schedule = built_in("whisper-1")
    assert schedule is not None
    assert schedule[0].rates.seconds == {"*": 10**11}  # $0.36 an hour


def test_built_in_prices_may_hold_for_some_hours_of_the_day() -> None:
    schedule = built_in("deepseek-reasoner", "deepseek")
    assert schedule is not None
    assert any(dated.hours for dated in schedule)
    day = 1_741_737_600  # 2025-03-12
    outputs = {in_force(schedule, day + hour * 3600).units["output"] for hour in (12, 20)}  # type: ignore[union-attr]
    assert len(outputs) == 2


def test_every_built_in_price_can_be_read() -> None:
    from genai_prices.data_snapshot import get_snapshot

    models = [(provider, model) for provider in get_snapshot().providers for model in provider.models]
    for provider, model in models:
        for dated in built_in(model.id, provider.id) or ():
            rates = [*dated.rates.units.values(), *dated.rates.seconds.values()]
            assert all(rate >= 0 for rate in rates)
    assert len(models) > 1000


def test_the_package_stays_unread_until_a_price_is_asked_for() -> None:
    code = "import sys, pisces_proxy.pricebook as p; p.PriceBook(); sys.exit('genai_prices' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_what_clients_ask_for_is_remembered_within_bounds(book: PriceBook) -> None:
    for number in range(5000):
        book.lookup("house-model", NOW, upstream=f"{number}")
    assert len(book._found) <= 4096
