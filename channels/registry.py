"""Which channels there are: the entry points of the group `javis.channels`, the built-in ones among them."""

import logging
import pkgutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from channels.config import ChannelConfig
from channels.errors import ChannelError
from channels.message import JsonObject, OutboundMessage
from channels.port import Channel, ChannelContext, ChannelManifest

log = logging.getLogger(__name__)

GROUP: Final = "javis.channels"
OWN_DISTRIBUTION: Final = "javis-bot"


def load_manifests(installed: Iterable[EntryPoint] | None = None) -> Mapping[str, ChannelManifest]:
    """The manifests by name; None for `installed`: what is installed in this Python. No channel is loaded by it.

    A plugin that does not load, or claims a name that is taken, is named in the log and left out.
    """
    found = list(entry_points(group=GROUP) if installed is None else installed)
    found.sort(key=lambda entry: (not _is_built_in(entry), entry.name))  # no plugin takes a built-in's place
    manifests: dict[str, ChannelManifest] = {}
    for entry in found:
        problem = f"the name is taken by {manifests[entry.name].open}" if entry.name in manifests else ""
        try:
            manifest = None if problem else entry.load()
        except Exception as error:  # noqa: BLE001 - a plugin's import may fail in any way, and fails alone
            manifest, problem = None, f"{type(error).__name__}: {error}"
        if isinstance(manifest, ChannelManifest) and manifest.name == entry.name:
            manifests[entry.name] = manifest
            continue
        log.error(
            "A channel plugin is refused",
            extra={"plugin": entry.name, "object": entry.value, "reason": problem or "not its ChannelManifest"},
        )
    return manifests


def load_config_model(manifest: ChannelManifest) -> type[ChannelConfig]:
    """The model of the channel's settings. Raises ChannelError when it does not load."""
    model = _resolve(manifest, manifest.config)
    if not (isinstance(model, type) and issubclass(model, ChannelConfig)):
        raise ChannelError(f"channel {manifest.name} does not load: {manifest.config} is no ChannelConfig")
    return model


def open_channel(manifest: ChannelManifest, context: ChannelContext) -> AbstractAsyncContextManager[Channel]:
    """The channel's runtime, imported only now. Raises ChannelError when it does not load; entering raises its own."""
    opened: AbstractAsyncContextManager[Channel] = _resolve(manifest, manifest.open)(context)
    return opened


def load_renderer(manifest: ChannelManifest) -> Callable[[OutboundMessage], Sequence[JsonObject]] | None:
    """How the channel renders while it is closed; None where it cannot. Raises ChannelError when it does not load."""
    return None if manifest.render is None else _resolve(manifest, manifest.render)


def _resolve(manifest: ChannelManifest, name: str) -> Any:
    try:
        return pkgutil.resolve_name(name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ChannelError(f"channel {manifest.name} does not load: {name}: {error}") from error


def _is_built_in(entry: EntryPoint) -> bool:
    return entry.dist is not None and entry.dist.name == OWN_DISTRIBUTION
