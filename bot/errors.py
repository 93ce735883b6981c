"""Failures that end a command, told to the person at the terminal.

JavisError               exit code 1: something did not work out
├── UsageError           exit code 2: the command was given wrongly
└── ConfigurationError   exit code 2: a file or the environment must be changed first
"""

from typing import ClassVar, Final

LOG_IN_AGAIN: Final = "put the right token into the settings or the environment"


class JavisError(Exception):
    """Root of what ends a command. `args[0]` is one line that says what to do and holds no secret."""

    exit_code: ClassVar[int] = 1


class UsageError(JavisError):
    """The command line is wrong: write it otherwise."""

    exit_code: ClassVar[int] = 2


class ConfigurationError(JavisError):
    """The settings, the bindings or the environment are wrong: change them."""

    exit_code: ClassVar[int] = 2
