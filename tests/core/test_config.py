"""channels.toml: what it means, and what it says when it is wrong."""

import pytest

from pisces_proxy import config
from pisces_proxy.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[server]\nprt = 1", ":2: [server] has no key 'prt'. Did you mean 'port'?"),
        (
            '[[channel]]\nname = "a"\nprovider = "x"\nprioritty = 3',
            ":4: [[channel]] 'a' has no key 'prioritty'. Did you mean 'priority'?",
        ),
        ('[[chanel]]\nname = "a"', ":1: there is no table [chanel]. Did you mean 'channel'?"),
        ('[[channel]]\nname = "a"', ":1: [[channel]] 'a' needs a key 'provider'"),
        ('[server]\nport = "x"', ":2: [server], key 'port': Expected `int`, got `str`"),
        ('[[channel]]\nname="a"\nprovider="x"\nidle_timeout="5x"', "'5x' is not a duration. Write 500ms"),
        ('[server]\nmax_body = "1 elephant"', "'1 elephant' is not a size"),
        ("x = ", "not valid TOML"),
        ('[price."a b"]\ninptu = 3', ":2: [price.\"a b\"] has no key 'inptu'. Did you mean 'input'?"),
        (
            '[[channel]]\nname="a"\nprovider="p"\n[[channel]]\nname="b"\nprovider="x"\nweight="3"',
            ":7: [[channel]] 'b', key 'weight'",
        ),
        ('[[channel]]\nname="a"\nprovider="p"\n[[channel]]\nname="a"\nprovider="x"', "a second channel of that name"),
        ('[[channel]]\nname="a"\nprovider="p"\nkey="1"\nkeys=["2"]', "both key and keys"),
        ('[[channel]]\nname="a"\nprovider="p"\nweight=0', "weight must be 1 or more"),
        ("[defaults]\nbalance_status = 404", ":2: [defaults], key 'balance_status'"),
    ],
)
def test_a_mistake_is_told_with_file_line_table_and_the_nearest_right_name(text: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config.parse(text, "my.toml")
    assert told in caught.value.message
    assert caught.value.message.startswith("my.toml")


def test_a_channel_with_an_unset_variable_is_off_and_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    channel = config.parse('[[channel]]\nname="a"\nprovider="x"\nkey="${NO_SUCH_KEY}"').channels[0]
    assert channel.off == "NO_SUCH_KEY is not set"
    assert channel.keys == ()


def test_of_several_keys_those_that_are_set_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY_A", "secret-a")
    monkeypatch.delenv("KEY_B", raising=False)
    channel = config.parse('[[channel]]\nname="a"\nprovider="x"\nkeys=["${KEY_A}", "${KEY_B}"]').channels[0]
    assert channel.keys == ("secret-a",)
    assert channel.off == ""


def test_a_channel_does_not_show_its_secrets() -> None:
    text = '[[channel]]\nname="a"\nprovider="x"\nkey="hush-hush"\nproxy="http://u:hush-hush@p"\nheaders={X="hush-hush"}'
    channel = config.parse(text).channels[0]
    assert "hush-hush" not in repr(channel)
    assert "hush-hush" not in repr(config.parse(text))


@pytest.mark.parametrize("models", ['["demo*"]', '["a", "*-mini"]', '{ "demo*" = "x" }'])
def test_a_star_beside_letters_is_no_model_name(models: str) -> None:
    with pytest.raises(ConfigError, match=r'Only "\*" alone takes any model'):
        config.parse(f'[[channel]]\nname="a"\nprovider="x"\nmodels={models}')


def test_models_are_a_list_where_equal_and_a_table_where_not() -> None:
    text = '[[channel]]\nname="a"\nprovider="x"\nmodels={ "[M]claude" = "Claude" }\n[[channel]]\nname="b"\nprovider="x"\nmodels=["m"]'
    first, second = config.parse(text).channels
    assert first.models == {"[M]claude": "Claude"}
    assert second.models == {"m": "m"}


def test_without_a_file_everything_has_its_default(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(str(tmp_path))
    found = config.load(None)
    assert found.server.port == 8080
    assert found.max_body == 64 * 1024 * 1024
    assert found.defaults.rpm == 3000


def test_a_named_file_that_is_absent_is_an_error() -> None:
    with pytest.raises(ConfigError, match="no such file"):
        config.load("absent-channels.toml")


@pytest.mark.parametrize(("text", "value"), [("500ms", 0.5), ("5s", 5), ("2m", 120), ("1h", 3600), ("30d", 2592000), (7, 7.0)])
def test_durations(text: str | int, value: float) -> None:
    assert config.seconds(text) == value


@pytest.mark.parametrize(("text", "value"), [("64MiB", 67108864), ("10MB", 10_000_000), (5, 5), ("1.5KiB", 1536), ("9", 9)])
def test_sizes(text: str | int, value: int) -> None:
    assert config.size(text) == value


def test_the_places_of_rows_and_limits_may_stand_in_variables(monkeypatch) -> None:
    monkeypatch.setenv("HOST_OF_LIMITS", "10.0.0.7")
    monkeypatch.setenv("DATABASE_URL", "sqlite:////var/lib/pisces.db")
    server = config.parse('[server]\nlimits = "redis://${HOST_OF_LIMITS}/0"\ndatabase = "${DATABASE_URL}"').server
    assert (server.limits, server.database) == ("redis://10.0.0.7/0", "sqlite:////var/lib/pisces.db")
