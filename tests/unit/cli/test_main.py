"""The `javis` command itself."""

from click.testing import CliRunner

from bot.cli.main import javis


def test_misspelt_command_is_answered_with_the_nearest_one() -> None:
    told = CliRunner().invoke(javis, ["taks"])
    assert told.exit_code == 2
    assert "did you mean 'tasks'?" in told.stderr


def test_command_like_no_other_is_refused_as_it_is() -> None:
    told = CliRunner().invoke(javis, ["xyzzy"])
    assert told.exit_code == 2
    assert "xyzzy" in told.stderr
    assert "did you mean" not in told.stderr
