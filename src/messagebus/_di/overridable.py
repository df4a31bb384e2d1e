"""What all components have in common that call handlers: the overrides of dependencies."""

from __future__ import annotations

import sys
from collections.abc import Callable, MutableMapping
from typing import Any

from .overrides import Override, Provider


class Overridable:
    """Something whose handlers have dependencies.

    Args:
        provider: the overrides; give the same to several components to let them share these.
    """

    def __init__(self, *, provider: Provider | None = None) -> None:
        self.provider = Provider() if provider is None else provider

    @property
    def dependency_overrides(self) -> MutableMapping[Callable[..., Any], Callable[..., Any]]:
        """The implementations by the dependencies that they replace; may be changed."""
        return self.provider.dependency_overrides

    def override(
        self, dependency: Callable[..., Any], implementation: Callable[..., Any]
    ) -> Override:
        """Replace a dependency, wherever a handler needs it, for all calls from now on.

        Args:
            dependency: what was given to *Depends*.
            implementation: what is called instead. It may be of another kind; its own parameters
                are filled in the same way.

        Returns:
            A context manager that undoes it in the end. Unless it is used as one, it stays.

        Raises:
            ConfigurationError: something is not callable, or a parameter can not be filled.
        """
        localns = sys._getframe(1).f_locals
        return self.provider.override(dependency, implementation, localns=localns)
