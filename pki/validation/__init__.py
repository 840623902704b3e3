"""Certificate paths at an explicit time, with one error class for each reason to refuse."""

from pki.errors import ValidationError
from pki.validation.direct import PinnedIssuers
from pki.validation.path import ValidatedPath, validate
from pki.validation.policy import PathPolicy

__all__ = ["PathPolicy", "PinnedIssuers", "ValidatedPath", "ValidationError", "validate"]
