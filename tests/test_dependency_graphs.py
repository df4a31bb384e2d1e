"""Random dependency graphs, compared with the same calls written by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from messagebus import Depends
from messagebus.depends import inject
from tests.dependencies import CleanUpError, HandlerError, Log, SetUpError


@dataclass(frozen=True)
class Node:
    """A dependency: its requirements, its kind, and where it fails."""

    needs: tuple[tuple[int, bool], ...]
    kind: str
    fails: str = ""


@dataclass
class Graph:
    """Dependencies, each of which may need earlier ones."""

    nodes: list[Node]
    handler_fails: bool
    log: Log = field(default_factory=list)

    def set_up(self, index: int, values: list[Any]) -> str:
        """Return the value of a dependency, or fail."""
        self.log.append(f"open {index} {values}")
        if self.nodes[index].fails == "set-up":
            raise SetUpError(index)
        return f"v{index}"

    def clean_up(self, index: int, seen: BaseException | None) -> None:
        """Close a dependency, or fail."""
        self.log.append(f"close {index} {seen!r}")
        if self.nodes[index].fails == "clean-up":
            raise CleanUpError(index)

    def handle(self, value: Any) -> str:
        """Do the work, or fail."""
        self.log.append(f"handle {value}")
        if self.handler_fails:
            raise HandlerError
        return "handled"


def generator(graph: Graph, index: int, values: list[Any]) -> Iterator[str]:
    """Open and close a dependency."""
    value = graph.set_up(index, values)
    try:
        yield value
    except Exception as seen:
        graph.clean_up(index, seen)
        raise
    graph.clean_up(index, None)


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Draw a graph whose last node is the handler's requirement."""
    nodes = []
    for index in range(draw(st.integers(1, 6))):
        before = st.tuples(st.integers(0, index - 1), st.booleans())
        needs = draw(st.lists(before, max_size=3)) if index else []
        kind = draw(st.sampled_from(["function", "generator", "async function", "async generator"]))
        fails = draw(st.sampled_from(["", "", "", "", "set-up", "clean-up"]))
        nodes.append(Node(tuple(needs), kind, fails))
    return Graph(nodes, draw(st.booleans()))


def declared(graph: Graph) -> list[Any]:
    """Return the dependencies of a graph, declared with Depends."""
    made: list[Any] = []
    for index, node in enumerate(graph.nodes):
        names = ", ".join(f"n{number}=needs[{number}]" for number in range(len(node.needs)))
        values = ", ".join(f"n{number}" for number in range(len(node.needs)))
        awaiting = "async " if "async" in node.kind else ""
        body = f"return graph.set_up({index}, [{values}])"
        if "generator" in node.kind:
            body = f"""
            context = contextmanager(generator)(graph, {index}, [{values}])
            with context as value:
                yield value"""
        namespace = {
            "graph": graph,
            "generator": generator,
            "contextmanager": contextmanager,
            "needs": [Depends(made[need], use_cache=cached) for need, cached in node.needs],
        }
        exec(f"{awaiting}def dependency({names}):\n            {body}", namespace)  # noqa: S102
        made.append(namespace["dependency"])
    return made


def by_hand(graph: Graph) -> str:
    """Call the handler with an exit stack."""
    with ExitStack() as stack:
        known: dict[int, Any] = {}

        def value_of(index: int, *, cached: bool) -> Any:
            if cached and index in known:
                return known[index]
            node = graph.nodes[index]
            values = [value_of(need, cached=also) for need, also in node.needs]
            if "generator" in node.kind:
                context = contextmanager(generator)(graph, index, values)
                value: Any = stack.enter_context(context)
            else:
                value = graph.set_up(index, values)
            if cached:
                known[index] = value
            return value

        return graph.handle(value_of(len(graph.nodes) - 1, cached=True))


def outcome(call: Any, graph: Graph) -> tuple[Any, list[str], Log]:
    """Return the result, the errors from last to first, and the log."""
    graph.log.clear()
    errors = []
    result = None
    try:
        result = call(graph)
    except Exception as failure:  # noqa: BLE001 - compared
        error: BaseException | None = failure
        while error is not None:
            errors.append(repr(error))
            error = error.__context__
    return result, errors, list(graph.log)


def by_declaration(graph: Graph) -> str:
    """Call a handler that declares its dependencies."""

    @inject
    def handle(value: str = Depends(declared(graph)[-1])) -> str:
        return graph.handle(value)

    return handle()


def by_waiting(graph: Graph) -> str:
    """Call a handler in an event loop."""

    @inject
    async def handle(value: str = Depends(declared(graph)[-1])) -> str:
        return graph.handle(value)

    return asyncio.run(handle())


@given(graphs())
def test_a_graph_is_resolved_as_if_by_hand(graph: Graph) -> None:
    """The calls, their order, their values and their errors are the same."""
    assert outcome(by_hand, graph) == outcome(by_declaration, graph)
    assert outcome(by_hand, graph) == outcome(by_waiting, graph)
