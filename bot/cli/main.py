"""The `javis` command. Each subcommand's module is imported only when it is called."""

import gc
import importlib
import sys
from difflib import get_close_matches
from typing import Any

import click
from typing_extensions import override

# Python looks for rings of forgotten objects after 700 new ones: one message makes as many, a start a hundred thousand.
LOOK_FOR_RINGS = 20_000, 20, 20
SUBCOMMANDS = {
    "onboard": "bot.cli.onboard:onboard",
    "run": "bot.cli.run:run",
    "simulate": "bot.cli.simulate:simulate",
    "worker": "bot.cli.run:worker",
    "agent": "bot.cli.agent:agent",
    "kimi": "bot.cli.kimi:kimi",
    "tasks": "bot.cli.tasks:tasks",
    "bindings": "bot.cli.bindings:bindings",
    "sessions": "bot.cli.sessions:sessions",
    "models": "bot.cli.models:models",
    "deliveries": "bot.cli.deliveries:deliveries",
    "heartbeat": "bot.cli.heartbeat:heartbeat",
    "cron": "bot.cli.cron:cron",
    "import": "bot.cli.imports:import_",
    "pairing": "bot.cli.pairing:pairing",
    "token": "bot.cli.token:token",
    "trace": "bot.cli.trace:trace",
    "status": "bot.cli.status:status",
    "backup": "bot.cli.backup:backup",
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

    @override
    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does it, but a misspelt name is answered with the nearest right one."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError:
            near = get_close_matches(args[0], SUBCOMMANDS, n=1)
            if not near:
                raise
            raise click.UsageError(f"There is no command {args[0]!r}: did you mean {near[0]!r}?", ctx) from None


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
def javis() -> None:
    """AI agents in Telegram and Discord that never lose a message."""


def main() -> None:
    """Run the command line; a failure is one line that says what to do, and an exit code."""
    gc.set_threshold(*LOOK_FOR_RINGS)
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
