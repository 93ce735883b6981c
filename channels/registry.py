"""Which channels are installed: their manifests from the entry points, their runtimes only when they are opened."""

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from channels.config import ChannelConfig
from channels.port import Channel, ChannelContext, ChannelManifest

log = logging.getLogger(__name__)

GROUP: Final = "javis.channels"


class ChannelFault(Exception):
    """A channel plugin cannot be used; the text names it and says why."""


def load_manifests() -> Mapping[str, ChannelManifest]:
    """Every installed channel by name. A plugin that is broken is named in the log and left out."""
    manifests: dict[str, ChannelManifest] = {}
    for point in entry_points(group=GROUP):
        try:
            manifests[point.name] = _load(point)
        except ChannelFault as fault:
            log.error("A channel plugin is left out", extra={"fault": str(fault)})  # noqa: TRY400
    return manifests


def load_config_model(manifest: ChannelManifest) -> type[ChannelConfig]:
    """The pydantic model of a channel's settings. Raises ChannelFault."""
    model: type[ChannelConfig] = _named(manifest, manifest.config)
    return model


def open_channel(manifest: ChannelManifest, context: ChannelContext) -> AbstractAsyncContextManager[Channel]:
    """The channel, to be entered. Imports its runtime. Raises ChannelFault."""
    opener: Callable[[ChannelContext], AbstractAsyncContextManager[Channel]] = _named(manifest, manifest.open)
    return opener(context)


def _load(point: EntryPoint) -> ChannelManifest:
    try:
        manifest = point.load()
    except Exception as error:
        raise ChannelFault(f"channel {point.name!r} ({point.value}) does not load: {error}") from error
    if not isinstance(manifest, ChannelManifest):
        raise ChannelFault(f"channel {point.name!r}: {point.value} is no ChannelManifest")
    if manifest.name != point.name:
        raise ChannelFault(f"channel {point.name!r}: its manifest calls itself {manifest.name!r}")
    return manifest


def _named(manifest: ChannelManifest, reference: str) -> Any:
    module, _, name = reference.partition(":")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ChannelFault(f"channel {manifest.name!r}: {reference} does not load: {error}") from error
