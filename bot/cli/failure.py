"""What a failure looks like to the person at the terminal."""

import errno
from collections.abc import Sequence
from typing import Final

from bot.agents.port import AgentFault
from bot.errors import JavisError
from bot.providers.bases import ModelFault
from bot.storage.errors import StorageError
from channels.errors import ChannelError
from routing.document import FileFaults
from routing.errors import RoutingError

EXPECTED: Final = (JavisError, AgentFault, ModelFault, StorageError, ChannelError, RoutingError)
NO_ROOM: Final = {errno.ENOSPC, errno.EDQUOT}
NO_WAY: Final = {
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EEXIST,
    errno.ELOOP,
    errno.ENAMETOOLONG,
}


def tell(error: BaseException) -> Sequence[str] | None:
    """One line a fault; None for a failure that nobody expected, which deserves its traceback."""
    if isinstance(error, BaseExceptionGroup):
        told = [tell(each) for each in error.exceptions]
        return None if None in told else [line for lines in told for line in lines or ()]
    if isinstance(error, FileFaults):
        return [str(fault) for fault in error.faults]
    if isinstance(error, EXPECTED):
        return [str(error)]
    return _tell_path(error) if isinstance(error, OSError) else None


def _tell_path(error: OSError) -> Sequence[str] | None:
    """What the machine's owner can mend: a full disk, a path that may not be used."""
    if error.errno not in NO_ROOM | NO_WAY:
        return None
    remedy = "make room there" if error.errno in NO_ROOM else "check the rights there"
    place = "" if error.filename is None else f"{error.filename}: "
    return [f"{place}{error.strerror}: {remedy}, or choose another place"]


def exit_code_of(error: BaseException) -> int:
    """2: something must be changed first. 1: it did not work out."""
    if isinstance(error, BaseExceptionGroup):
        return max(exit_code_of(each) for each in error.exceptions)
    if isinstance(error, JavisError):
        return error.exit_code
    if isinstance(error, OSError):
        return 2 if error.errno in NO_WAY else 1
    return 2 if isinstance(error, FileFaults | AgentFault | ModelFault) else 1
