"""The one exception of this package that is meant for users."""

from __future__ import annotations


class DatasetError(RuntimeError):
    """A dataset that cannot be built, read or described; the message says what to do."""
