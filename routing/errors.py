"""Failures of routing.

RoutingError
├── NoSender            a message that names nobody would land in a person's memory: refuse the message
└── InvalidSessionKey   a text that is no session key: say so to whoever wrote it
"""


class RoutingError(Exception):
    """Root of what routing raises. `args[0]` is one line for people."""


class NoSender(RoutingError):
    """A direct message without a sender: nobody's memory fits it."""


class InvalidSessionKey(RoutingError, ValueError):
    """A text that no session key looks like."""
