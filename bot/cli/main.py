"""The `javis` command. Each subcommand's module is imported only when it is called."""

import importlib
import sys
from typing import Any

import click
from typing_extensions import override

SUBCOMMANDS = {
    "onboard": "bot.cli.onboard:onboard",
    "run": "bot.cli.run:run",
    "simulate": "bot.cli.run:simulate",
    "agent": "bot.cli.agent:agent",
    "kimi": "bot.cli.kimi:kimi",
    "tasks": "bot.cli.tasks:tasks",
    "bindings": "bot.cli.bindings:bindings",
    "deliveries": "bot.cli.deliveries:deliveries",
    "pairing": "bot.cli.pairing:pairing",
    "token": "bot.cli.token:token",
    "status": "bot.cli.status:status",
    "doctor": "bot.cli.doctor:doctor",
    "version": "bot.cli.version:version",
}


class LazyGroup(click.Group):
    """Knows its subcommands by name and imports one when it is needed."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(SUBCOMMANDS)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        reference = SUBCOMMANDS.get(cmd_name)
        if reference is None:
            return None
        module, _, name = reference.partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
def javis() -> None:
    """AI agents in Telegram that never lose a message."""


def main() -> None:
    """Run the command line; a failure is one line that says what to do, and an exit code."""
    try:
        code: Any = javis.main(prog_name="javis", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except click.Abort:
        code = 130
    except KeyboardInterrupt:
        code = 130
    except Exception as error:
        from bot.cli.failure import exit_code_of, tell  # noqa: PLC0415 - only a failure pays for these imports

        lines = tell(error)
        if lines is None:
            raise
        for line in lines:
            click.echo(f"javis: {line}", err=True)
        code = exit_code_of(error)
    sys.exit(code or 0)


if __name__ == "__main__":
    main()
