"""A plugin that fails as soon as it is imported."""

raise RuntimeError("not on this machine")
