"""Dependencies: what fills the parameters of handlers, and how it is replaced."""

from ._di.depends import Dependency, Depends
from ._di.inject import inject
from ._di.overrides import Override, Provider

__all__ = ["Dependency", "Depends", "Override", "Provider", "inject"]
