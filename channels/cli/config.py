"""The settings of the terminal channel."""

from channels.config import ChannelConfig, DmPolicy


class CliConfig(ChannelConfig):
    """Whoever may start the process may speak to it."""

    dm_policy: DmPolicy = "open"
