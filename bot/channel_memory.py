"""What a channel account must know again after a restart, in the database."""

from collections.abc import Mapping
from dataclasses import dataclass

from typing_extensions import override

from bot.storage.port import Statement, Storage
from channels.port import Memory


@dataclass(frozen=True, slots=True)
class ChannelMemory(Memory):
    """The memory of one account."""

    storage: Storage
    channel: str
    account: str

    @override
    async def recall(self, prefix: str) -> Mapping[str, str]:
        rows = await self.storage.read(
            "channel_memory.recall", {"channel": self.channel, "account": self.account, "prefix": prefix}
        )
        return {row["name"]: row["value"] for row in rows}

    @override
    async def remember(self, values: Mapping[str, str]) -> None:
        await self.storage.commit(remembering(self.channel, self.account, values))


def remembering(channel: str, account: str, values: Mapping[str, str]) -> list[Statement]:
    """The statements that keep `values`; an empty value forgets its name."""
    owner = {"channel": channel, "account": account}
    return [
        Statement("channel_memory.remember", {**owner, "name": name, "value": value})
        if value
        else Statement("channel_memory.forget", {**owner, "name": name})
        for name, value in values.items()
    ]
