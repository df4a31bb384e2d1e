"""The types of the test kit. A line that mypy and pyright must refuse names the error."""

from __future__ import annotations

from typing import Any, assert_type

from messagebus import AsyncMessageBus, Message
from messagebus.testing import (
    AsyncMemoryRepository,
    AsyncMemoryUnitOfWork,
    AsyncScenario,
    MemorySession,
    MemoryStore,
    Scenarios,
)

from .core import Book, Forget, Register, Registered


class AsyncLibrary(AsyncMemoryUnitOfWork[AsyncMemoryRepository[Book]]):
    """A unit of work in memory."""

    books: AsyncMemoryRepository[Book]

    def attach(self, session: MemorySession) -> None:
        """Create the repository."""
        self.books = AsyncMemoryRepository(session, Book)
        self.books = AsyncMemoryRepository(session, Register)  # type: ignore[arg-type]


async def scenarios(bus: AsyncMessageBus[Any], bus_scenario: Scenarios) -> None:
    """A command says what its handler returns."""
    store = MemoryStore()
    scenario = bus_scenario(bus, AsyncLibrary(store), mailer=1)
    assert_type(scenario, AsyncScenario)
    scenario.given(Register(id="1"), Registered())
    outcome = await scenario.when(Register(id="1")).then(Registered()).returns(Book(id="1"))
    assert_type(outcome.result, Book)
    assert_type(outcome.messages, list[Message[Any]])
    assert_type((await scenario.when(Forget())).result, Any)
    await scenario.when(Register(id="1")).fails(LookupError, match="1")
    await scenario.when(Register(id="1")).returns("1")  # type: ignore[arg-type]
    await scenario.when(Register(id="1")).then(Registered)  # type: ignore[arg-type]
    await scenario.when(Register(id="1")).fails(LookupError())  # type: ignore[arg-type]
    await scenario.when("text")  # type: ignore[call-overload]
    assert_type(store.table(Book)["1"], Book)


async def repositories(library: AsyncLibrary) -> None:
    """A repository knows its models."""
    async with library as transaction:
        assert_type(await transaction.uow.books.get("1"), Book)
        assert_type(await transaction.uow.books.find("1"), Book | None)
        await transaction.uow.books.add(Registered())  # type: ignore[arg-type]
        await transaction.commit()
