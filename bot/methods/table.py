"""The method table: all that a client may call, over WebSocket and HTTP alike, and what the command line calls too."""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, get_type_hints

from pydantic import BaseModel, TypeAdapter, ValidationError

from bot.methods import (
    bindings,
    chat,
    deliveries,
    heartbeat,
    memory,
    models,
    routing,
    schedules,
    sessions,
    system,
    tasks,
    trace,
    usage,
)
from bot.methods.desk import Caller, Desk
from bot.methods.failure import INVALID_PARAMS, METHOD_NOT_FOUND, UNAUTHORISED, MethodFailed, faults_of
from bot.methods.page import Nothing

Handler = Callable[[Desk, Caller, Any], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Method:
    """One method. A `public` one needs no token. `params` is the model that its parameters must fit.

    One that `takes_long` waits for more than the database.
    """

    name: str
    handler: Handler
    params: type[BaseModel]
    public: bool = False
    takes_long: bool = False

    async def call(self, desk: Desk, caller: Caller, params: Mapping[str, Any] | list[Any]) -> Any:
        """The result, ready for JSON. Raises MethodFailed, StorageError."""
        if caller.name is None and not self.public:
            raise MethodFailed(UNAUTHORISED, "a Bearer token is needed: make one with javis token create")
        return await self.handler(desk, caller, self._validated(params))

    def _validated(self, params: Mapping[str, Any] | list[Any]) -> BaseModel:
        if isinstance(params, list):
            names = list(self.params.model_fields)
            if len(params) > len(names):
                raise MethodFailed(INVALID_PARAMS, f"{self.name} takes at most {len(names)} parameters")
            params = dict(zip(names, params, strict=False))
        try:
            return self.params.model_validate(params)
        except ValidationError as error:
            raise MethodFailed(INVALID_PARAMS, faults_of(error)) from None


async def discover(_desk: Desk, _caller: Caller, _params: Nothing) -> dict[str, Any]:
    """This table, as an OpenRPC document (https://spec.open-rpc.org)."""
    return {
        "openrpc": "1.3.2",
        "info": {"title": "Javis", "version": system.VERSION},
        "methods": [_described(method) for method in TABLE.values()],
    }


def find(name: str) -> Method:
    """Raises MethodFailed."""
    method = TABLE.get(name)
    if method is None:
        raise MethodFailed(METHOD_NOT_FOUND, "there is no such method: rpc.discover lists them")
    return method


def may_take_long(name: str) -> bool:
    """Whether the method waits for a model or a platform."""
    method = TABLE.get(name)
    return method is not None and method.takes_long


def _described(method: Method) -> dict[str, Any]:
    schema = method.params.model_json_schema()
    required = schema.get("required", [])
    definitions = schema.get("$defs", {})
    parameters = [
        {
            "name": name,
            "required": name in required,
            "schema": field | ({"$defs": definitions} if definitions else {}),
        }
        for name, field in schema.get("properties", {}).items()
    ]
    result = get_type_hints(method.handler)["return"]
    return {
        "name": method.name,
        "summary": inspect.getdoc(method.handler),
        "params": parameters,
        "result": {"name": "result", "schema": TypeAdapter(result).json_schema()},
        "x-public": method.public,
    }


def _method(name: str, handler: Handler, *, public: bool = False, takes_long: bool = False) -> Method:
    """The parameters' model is the annotation of the handler's third parameter."""
    third = list(inspect.signature(handler).parameters)[2]
    return Method(name, handler, get_type_hints(handler)[third], public, takes_long)


TABLE: Final[Mapping[str, Method]] = {
    method.name: method
    for method in (
        _method("health", system.health, public=True),
        _method("identify", system.identify, public=True),
        _method("rpc.discover", discover),
        _method("chat.send", chat.send, takes_long=True),
        _method("chat.send_stream", chat.send_stream),
        _method("chat.history", sessions.history),
        _method("chat.clear", sessions.clear),
        _method("sessions.list", sessions.newest),
        _method("sessions.delete", sessions.delete),
        _method("memory.recall", memory.recall),
        _method("tasks.create", tasks.create),
        _method("tasks.list", tasks.newest),
        _method("tasks.get", tasks.get),
        _method("tasks.cancel", tasks.cancel),
        _method("tasks.retry", tasks.retry),
        _method("heartbeat.status", heartbeat.status),
        _method("heartbeat.run", heartbeat.run, takes_long=True),
        _method("cron.list", schedules.known),
        _method("cron.add", schedules.add),
        _method("cron.remove", schedules.remove),
        _method("cron.run", schedules.run),
        _method("trace.get", trace.get),
        _method("trace.list", trace.newest),
        _method("tasks.rotate_key", tasks.rotate_key),
        _method("channels.status", system.channels),
        _method("routing.resolve", routing.resolve),
        _method("routing.bindings", routing.bindings),
        _method("bindings.set", bindings.set_binding),
        _method("models.list", models.newest),
        _method("models.probe", models.probe, takes_long=True),
        _method("models.usage", usage.usage),
        _method("deliveries.list", deliveries.newest),
        _method("deliveries.get", deliveries.get),
        _method("deliveries.retry", deliveries.retry),
        _method("deliveries.drop", deliveries.drop),
    )
}
