"""A plugin that fails in a way of its own when it is imported."""

raise RuntimeError("this plugin needs something that is not there")
