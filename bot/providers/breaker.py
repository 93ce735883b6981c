"""A circuit breaker per server: one that cannot be reached is not knocked at with every key in turn."""

from dataclasses import dataclass
from typing import Final

FAILURES: Final = 3
OPEN_MS: Final = 30_000


@dataclass(slots=True)
class _Circuit:
    failures: int = 0
    open_until_ms: int = 0


class Breakers:
    """Opens a server's circuit after FAILURES in a row, for OPEN_MS; then a single call may try it."""

    def __init__(self) -> None:
        self._circuits: dict[str, _Circuit] = {}

    def open_until_ms(self, server: str) -> int:
        """Until when nobody may call; 0 while the circuit is closed."""
        circuit = self._circuits.get(server)
        return 0 if circuit is None else circuit.open_until_ms

    def calling(self, server: str, now_ms: int) -> None:
        """A call begins. After an opening it is the only one until it has ended, or the time has passed again."""
        circuit = self._circuits.get(server)
        if circuit is not None and circuit.open_until_ms:
            circuit.open_until_ms = now_ms + OPEN_MS

    def reached(self, server: str) -> None:
        """The server answered, whatever it said."""
        self._circuits.pop(server, None)

    def unreachable(self, server: str, now_ms: int) -> None:
        """No connection, or one that broke."""
        circuit = self._circuits.setdefault(server, _Circuit())
        circuit.failures += 1
        if circuit.failures >= FAILURES:
            circuit.open_until_ms = now_ms + OPEN_MS
