"""Failures of routing.

RoutingError
├── CannotEdit          a way of writing that a command cannot change: edit the file by hand
├── NoSender            a message that names nobody would land in a person's memory: refuse the message
└── InvalidSessionKey   a text that is no session key: say so to whoever wrote it
"""


class RoutingError(Exception):
    """Root of what routing raises. `args[0]` is one line for people."""


class NoSender(RoutingError):
    """A direct message without a sender: nobody's memory fits it."""


class InvalidSessionKey(RoutingError, ValueError):
    """A text that no session key looks like."""


class CannotEdit(RoutingError):
    """No command can make this change; the file is as it was."""
