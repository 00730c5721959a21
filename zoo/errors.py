"""The exceptions and warnings a user of the zoo can meet, all under one base class."""

from __future__ import annotations


class ZooError(Exception):
    """Base of every error that the zoo raises on purpose; its message is meant for users."""


class CardError(ZooError):
    """A model card that cannot be read or that contradicts itself."""


class UnknownModelError(ZooError, LookupError):
    """A model name, tag or version that the zoo does not have."""


class ReleaseError(ZooError):
    """A release whose files are missing, truncated or not what its manifest says."""


class InputError(ZooError, ValueError):
    """User input that cannot be used; the message names field, value and what is allowed."""


class DataError(ZooError):
    """A dataset that cannot be built, read or described."""


class OutsideRangeWarning(UserWarning):
    """Some rows lie outside the range that a model states on its card."""
