"""What a person who configures or asks is told when it can't be."""

from __future__ import annotations


class ConfigError(ValueError):
    """A setting, or an option, that can't be. The text is one sentence for the person who wrote it."""
