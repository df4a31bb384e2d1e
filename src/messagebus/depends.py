"""Dependencies: what fills the parameters of handlers, and how it is replaced."""

from .facade.injection import inject
from .service.depends import Dependency, Depends
from .service.provider import Override, Provider

__all__ = ["Dependency", "Depends", "Override", "Provider", "inject"]
