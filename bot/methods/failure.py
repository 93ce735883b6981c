"""How a method says that it did not work, over RPC and on the command line alike.

Codes below -32000 are the specification's (https://www.jsonrpc.org/specification#error_object); the others are ours.
"""

from typing import Final

from pydantic import ValidationError

from bot.errors import JavisError

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603
UNAUTHORISED: Final = -32001
UNAVAILABLE: Final = -32003
NOT_FOUND: Final = -32004
CONFLICT: Final = -32009
TOO_MANY: Final = -32029


class MethodFailed(JavisError):
    """A method's answer is an error; `args[0]` tells the caller what to do."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def faults_of(error: ValidationError) -> str:
    """Where each fault is and what is wrong there; nothing that was sent is repeated."""
    faults = [
        (".".join(str(each) for each in fault["loc"]), fault["msg"])
        for fault in error.errors(include_url=False, include_input=False, include_context=False)
    ]
    return "; ".join(f"{place}: {words}" if place else words for place, words in faults)
