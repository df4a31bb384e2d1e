"""The application that a command works for, named as its web server would name it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any

from .._introspection.signature import required_parameters
from ..exceptions import ConfigurationError
from ..service._async.registry import AsyncMessageBus
from ..service._sync.registry import SyncMessageBus

if TYPE_CHECKING:
    from ..description.reading import AnyBus

_ADVICE = (
    "Name an object with the attributes `bus` and `unit_of_work`, for example shop.app:app; "
    "`unit_of_work` is called without arguments for each transaction."
)
_BUS_ADVICE = (
    "Name a bus, an object with the attribute `bus`, or a function that returns one of these, for "
    "example shop.app:bus."
)


@dataclass(frozen=True)
class Application:
    """What a command needs of an application.

    Attributes:
        bus: has the listeners.
        unit_of_work: creates a unit of work; called for each transaction.
        hopeless: the errors after which a message becomes a dead letter at once.
        deserializer: creates the messages; None for the default.
        dependencies: the dependencies that listeners ask for by name.
    """

    bus: AnyBus
    unit_of_work: Callable[[], Any]
    hopeless: tuple[type[Exception], ...] = ()
    deserializer: Any = None
    dependencies: dict[str, Any] | None = None

    @classmethod
    def load(cls, name: str) -> Application:
        """Import an application.

        Args:
            name: a module and an object in it, such as ``shop.app:app``. The module is also looked
                for in the working directory.

        Raises:
            ConfigurationError: there is no such object, or it lacks something. An error that the
                module raises is not hidden.
        """
        found = _find(name, _ADVICE)
        bus, unit_of_work = getattr(found, "bus", None), getattr(found, "unit_of_work", None)
        if not isinstance(bus, AsyncMessageBus | SyncMessageBus) or not callable(unit_of_work):
            lacking = "unit of work" if isinstance(bus, AsyncMessageBus | SyncMessageBus) else "bus"
            text = f"The application {name!r} has no {lacking}"
            raise ConfigurationError(text, advice=_ADVICE)
        return cls(
            bus,
            unit_of_work,
            tuple(getattr(found, "hopeless", ())),
            getattr(found, "deserializer", None),
            getattr(found, "dependencies", None),
        )


def load_bus(name: str) -> AnyBus:
    """Import the bus of an application, without the rest of it; see *load_readers*."""
    return load_readers(name)[0]


def load_readers(name: str) -> tuple[AnyBus, Any]:
    """Import what reads the messages of an application: its bus and its deserializer.

    Args:
        name: a module and an object in it: a bus, an object that has one, or a function that
            returns one of these when it is called without arguments.

    Returns:
        The bus, and the deserializer or None.

    Raises:
        ConfigurationError: there is no such object, or no bus in it. An error that the module or
            the function raises is not hidden.
    """
    found = _find(name, _BUS_ADVICE)
    if isinstance(found, FunctionType | MethodType | type) and not hasattr(found, "bus"):
        if needed := required_parameters(found):
            text = f"The application {name!r} needs {', '.join(needed)} to be called"
            raise ConfigurationError(text, advice=_BUS_ADVICE)
        found = found()
    bus = getattr(found, "bus", found)
    if not isinstance(bus, AsyncMessageBus | SyncMessageBus):
        text = f"The application {name!r} has no bus"
        raise ConfigurationError(text, advice=_BUS_ADVICE)
    return bus, getattr(found, "deserializer", None)


def _find(name: str, advice: str) -> Any:
    """Import the object that a module and a path name."""
    module_name, colon, path = name.partition(":")
    if not colon or not module_name or not path:
        text = f"{name!r} does not name an application"
        raise ConfigurationError(text, advice=advice)
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        found: Any = import_module(module_name)
    except ModuleNotFoundError as error:
        # Any other module is missing for a reason that the application knows.
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        text = f"There is no module {error.name!r} for the application {name!r}"
        raise ConfigurationError(text, advice=advice) from error
    for part in path.split("."):
        if not hasattr(found, part):
            text = f"{module_name} has no {path!r} for the application {name!r}"
            raise ConfigurationError(text, advice=advice)
        found = getattr(found, part)
    return found
