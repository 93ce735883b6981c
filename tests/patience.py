"""How long a test waits for what is sure to come. Only a hang takes that long, however slow the machine is."""

from typing import Final

PATIENCE_SECONDS: Final = 120.0  # less than pytest's own limit, which tells less of what was waited for
