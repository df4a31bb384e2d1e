"""Dependencies of handlers: declarations, overrides, injection."""

from ._di.depends import Dependency, Depends
from ._di.inject import inject
from ._di.overrides import Override, Provider

__all__ = ["Dependency", "Depends", "Override", "Provider", "inject"]
