"""The scenarios of one test, and what they show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeVar, overload

from ..domain.model import Message
from ..exceptions import ConfigurationError
from ..inbox.dead_letter import DeadLetter
from ..service._async.registry import AsyncMessageBus
from ..service._async.unit_of_work import AsyncAbstractUnitOfWork
from ..service._sync.registry import SyncMessageBus
from ..service._sync.unit_of_work import SyncAbstractUnitOfWork
from .scenario._async.scenario import AsyncScenario
from .scenario._sync.scenario import SyncScenario

T = TypeVar("T")


class Scenarios:
    """Creates the scenarios of one test, and knows whether the test has checked them."""

    def __init__(self) -> None:
        self._all: list[AsyncScenario | SyncScenario] = []
        self.published: Sequence[Message[Any]] = View(lambda: self._of_all("published"))
        """The messages that were published, but for those that led to the given state."""
        self.dead_letters: Sequence[DeadLetter] = View(lambda: self._of_all("dead_letters"))
        """What isolated listeners and consumers could not handle."""

    @overload
    def __call__(
        self,
        bus: AsyncMessageBus[Any],
        uow: AsyncAbstractUnitOfWork[Any] | Callable[[], AsyncAbstractUnitOfWork[Any]],
        **dependencies: Any,
    ) -> AsyncScenario: ...

    @overload
    def __call__(
        self,
        bus: SyncMessageBus[Any],
        uow: SyncAbstractUnitOfWork[Any] | Callable[[], SyncAbstractUnitOfWork[Any]],
        **dependencies: Any,
    ) -> SyncScenario: ...

    def __call__(self, bus: Any, uow: Any, **dependencies: Any) -> AsyncScenario | SyncScenario:
        """Create a scenario in the colour of the bus.

        Args:
            bus: has the listeners.
            uow: a unit of work of any kind, in the colour of the bus, or what creates it; the
                scenario creates one.
            dependencies: the dependencies that listeners ask for by name.

        Raises:
            ConfigurationError: *uow* is neither.
        """
        kind = AsyncScenario if isinstance(bus, AsyncMessageBus) else SyncScenario
        scenario = kind(bus, uow, **dependencies)
        self._all.append(scenario)
        return scenario

    def problems(self) -> list[str]:
        """Return what is wrong with a test that ends now.

        That is a message that was not handled or whose outcome was not checked, and a dead letter
        that nobody has looked at.
        """
        return [text for each in self._all for text in each.problems()]

    def _of_all(self, name: str) -> list[Any]:
        if not self._all:
            text = f"The test has no scenario that would show {name}"
            raise ConfigurationError(text, advice="Create one with the fixture bus_scenario.")
        return [item for each in self._all for item in getattr(each, name)]


class View(Sequence[T]):
    """A sequence that is read anew each time.

    Args:
        read: returns the items.
    """

    def __init__(self, read: Callable[[], list[T]]) -> None:
        self._read = read

    @overload
    def __getitem__(self, index: int) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> list[T]: ...

    def __getitem__(self, index: int | slice) -> T | list[T]:
        return self._read()[index]

    def __len__(self) -> int:
        return len(self._read())

    def __eq__(self, other: object) -> bool:
        return list(other) == self._read() if isinstance(other, Sequence) else NotImplemented

    __hash__: ClassVar[None]  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(self._read())
