import pytest

from bot.errors import ConfigurationError, JavisError, UsageError


@pytest.mark.parametrize(("kind", "code"), [(JavisError, 1), (UsageError, 2), (ConfigurationError, 2)])
def test_error_says_what_to_do_and_how_the_command_ends(kind: type[JavisError], code: int) -> None:
    error = kind("set KIMI_API_KEY")

    assert isinstance(error, JavisError)
    assert (str(error), error.exit_code) == ("set KIMI_API_KEY", code)
