"""What a failure looks like to the person at the terminal."""

from collections.abc import Sequence

from bot.agents.port import AgentFault
from bot.errors import JavisError
from bot.providers.bases import ModelFault
from bot.storage.errors import StorageError
from channels.errors import ChannelError
from routing.document import FileFaults
from routing.errors import RoutingError

EXPECTED = (JavisError, AgentFault, ModelFault, StorageError, ChannelError, RoutingError)


def tell(error: BaseException) -> Sequence[str] | None:
    """One line a fault; None for a failure that nobody expected, which deserves its traceback."""
    if isinstance(error, BaseExceptionGroup):
        told = [tell(each) for each in error.exceptions]
        return None if None in told else [line for lines in told for line in lines or ()]
    if isinstance(error, FileFaults):
        return [str(fault) for fault in error.faults]
    if isinstance(error, EXPECTED):
        return [str(error)]
    return None


def exit_code_of(error: BaseException) -> int:
    """2: something must be changed first. 1: it did not work out."""
    if isinstance(error, BaseExceptionGroup):
        return max(exit_code_of(each) for each in error.exceptions)
    if isinstance(error, JavisError):
        return error.exit_code
    return 2 if isinstance(error, FileFaults | AgentFault | ModelFault) else 1
