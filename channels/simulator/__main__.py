"""`python -m channels.simulator --port N`: the simulator as a process of its own.

Prints one line of JSON with its addresses and keys, then serves until SIGTERM or SIGINT.
"""

import asyncio
import json
import signal
import sys
from pathlib import Path

import click

from channels.clock import SystemClock
from channels.simulator.seed import FIRST_USER
from channels.simulator.server import Simulator, run_simulator


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=int, default=8081, show_default=True, help="0 takes any free one")
@click.option("--state", type=click.Path(file_okay=False, path_type=Path), help="folder to remember in; none: memory")
@click.option("--seed-users", type=click.IntRange(min=0), default=0, help="people with a direct chat, at least")
def main(host: str, port: int, state: Path | None, seed_users: int) -> None:
    """Simulate Telegram, Discord and a model on this machine."""
    try:
        asyncio.run(_serve(host, port, state, seed_users))
    except (OSError, ValueError) as error:
        raise click.ClickException(str(error)) from error


async def _serve(host: str, port: int, state: Path | None, seed_users: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with run_simulator(host=host, port=port, state_dir=state, clock=SystemClock()) as simulator:
        for user_id in range(FIRST_USER, FIRST_USER + seed_users):
            if user_id not in simulator.telegram.users:
                simulator.telegram.add_user(user_id, f"成員 {user_id - FIRST_USER + 1}")
        _announce(simulator)
        await stop.wait()


def _announce(simulator: Simulator) -> None:
    addresses = {
        "url": simulator.url,
        "telegram_api_base": simulator.telegram_api_base,
        "telegram_token": simulator.telegram_token,
        "discord_api_base": simulator.discord_api_base,
        "discord_token": simulator.discord_token,
        "model_api_base": simulator.model_api_base,
        "model_key": simulator.model_key,
    }
    sys.stdout.write(json.dumps(addresses) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
