"""An answer told to the gateway's clients while it is written. Transient: its end tells it whole."""

from bot.events import Events


class Telling:
    """Of one turn. Each `chat.start` makes the pieces before it void: another model has begun anew, or a tool was used.

    What is void stays to be seen until something else is heard.
    """

    def __init__(self, events: Events, session_key: str, message_id: str) -> None:
        self._events = events
        self._session_key = session_key
        self._about = {"message_id": message_id}
        self._heard = False
        self._void = False
        self._start()

    def begin(self) -> None:
        """A model is asked: what was heard is not part of the answer."""
        self._void = self._heard

    def hear(self, piece: str) -> None:
        """The next words of the answer."""
        if self._void:
            self._start()
        self._heard = True
        self._events.publish("chat.delta", self._session_key, {**self._about, "delta": piece})

    def _start(self) -> None:
        self._heard = self._void = False
        self._events.publish("chat.start", self._session_key, self._about)
