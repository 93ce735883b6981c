"""The people and chats of a new simulator."""

from collections.abc import Iterator
from typing import Final

from channels.simulator.journal import Record
from channels.simulator.telegram.state import BOT_ID

FIRST_USER: Final = 7_000_000_001
GROUP: Final = -1_001_900_000_001
BOT_USERNAME: Final = "javis_simulated_bot"
_ROLES: Final = ("我", "同事", "新同事")


def seed_records(users: int = len(_ROLES)) -> Iterator[Record]:
    """A bot, `users` people with a direct chat each, and one group that the first of them owns."""
    bot = {"id": BOT_ID, "is_bot": True, "first_name": "Javis", "username": BOT_USERNAME}
    yield {"t": "user", "user": bot}
    ids = [FIRST_USER + number for number in range(users)]
    for number, user_id in enumerate(ids):
        name = _ROLES[number] if number < len(_ROLES) else f"成員 {number + 1}"
        user = {"id": user_id, "is_bot": False, "first_name": name, "language_code": "zh-hant"}
        yield {"t": "user", "user": user}
    members = {str(user_id): "member" for user_id in ids}
    members |= {str(FIRST_USER): "creator", str(BOT_ID): "member"}
    yield {"t": "chat", "chat": {"id": GROUP, "type": "supergroup", "title": "Javis 試用群組"}, "members": members}
    for number, user_id in enumerate(ids):
        name = _ROLES[number] if number < len(_ROLES) else f"成員 {number + 1}"
        wire = {"id": user_id, "type": "private", "first_name": name}
        yield {"t": "chat", "chat": wire, "members": {str(user_id): "member", str(BOT_ID): "member"}}
