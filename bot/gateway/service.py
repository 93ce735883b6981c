"""One message of a client, from its text to its answer: the same for `WS /ws` and `POST /rpc`."""

import asyncio
import logging
import uuid

from bot.errors import JavisError
from bot.gateway import jsonrpc
from bot.methods.desk import Caller, Desk
from bot.methods.failure import INTERNAL_ERROR, UNAVAILABLE, MethodFailed
from bot.methods.table import find, may_take_long
from bot.storage.errors import StorageError

log = logging.getLogger(__name__)

Answer = dict[str, object]


def waits(payload: jsonrpc.Payload) -> bool:
    """Whether some call may take long: others of the same client must not stand behind it."""
    return any(isinstance(call, jsonrpc.Call) and may_take_long(call.method) for call in payload.calls)


async def answer(desk: Desk, caller: Caller, payload: jsonrpc.Payload) -> str | None:
    """The answer as text; None where there is nothing to answer (notifications). Never raises."""
    if len(payload.calls) == 1 and not payload.is_batch:
        only = await _answer_one(desk, caller, payload.calls[0])
        return None if only is None else jsonrpc.dump(only)
    answers = [
        each
        for each in await asyncio.gather(*(_answer_one(desk, caller, call) for call in payload.calls))
        if each is not None
    ]
    return jsonrpc.dump(answers) if answers else None


def refusal(payload: jsonrpc.Payload, code: int, words: str) -> str | None:
    """The same for a message of which nothing is carried out."""
    heard = [call for call in payload.calls if isinstance(call, jsonrpc.Fault) or not call.is_notification]
    refused = [jsonrpc.error(call.id, code, words) for call in heard]
    return jsonrpc.dump(refused if payload.is_batch else refused[0]) if refused else None


async def _answer_one(desk: Desk, caller: Caller, call: jsonrpc.Call | jsonrpc.Fault) -> Answer | None:
    if isinstance(call, jsonrpc.Fault):
        return jsonrpc.error(call.id, call.code, call.message)
    try:
        result = await find(call.method).call(desk, caller, call.params)
        return None if call.is_notification else jsonrpc.result(call.id, result)
    except MethodFailed as failure:
        told = jsonrpc.error(call.id, failure.code, str(failure))
    except StorageError as failure:
        log.warning("A call waits for the database in vain", extra={"method": call.method, "error": str(failure)})
        told = jsonrpc.error(call.id, UNAVAILABLE, "the database cannot be used right now: try again in a moment")
    except JavisError as failure:
        told = jsonrpc.error(call.id, UNAVAILABLE, str(failure))
    except Exception:
        number = uuid.uuid4().hex[:12]
        log.exception("A call failed", extra={"method": call.method, "error_id": number})
        told = jsonrpc.error(call.id, INTERNAL_ERROR, f"something went wrong here (error {number} in the log)")
    return None if call.is_notification else told
