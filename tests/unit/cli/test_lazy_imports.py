"""A start loads what it needs."""

import subprocess
import sys

UNUSED = ("channels.simulator.server", "channels.discord.channel", "psycopg", "mcp", "fastapi", "lxml.html")


def test_run_loads_nothing_that_only_other_settings_use() -> None:
    code = f"import sys, bot.cli.run; print([name for name in {UNUSED!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
