"""Plans as code: what is written here is what one would write by hand.

For a handler that needs a generator dependency, and a coroutine dependency that needs it, too::

    async def call(a0):
        opened = []
        try:
            g0 = f0()
            v0 = next(g0, END)
            if v0 is END:
                raise GeneratorDependencyError(g0, NEVER)
            opened.append(g0)
            v1 = await f1(v0)
            outcome = await function(a0, v0, v1)
            while opened:
                await exit(opened.pop())
            return outcome
        except BaseException as error:
            await throw(opened, error)
            raise

Code that does not wait is the same without ``async`` and ``await``.
"""

from __future__ import annotations

import functools
import inspect
import keyword
import linecache
from collections.abc import Callable, Iterator, Sequence
from types import CodeType, CoroutineType
from typing import Any, NamedTuple

from .._compat.callables import is_generator_function
from .._compat.generators import END, NEVER
from ..exceptions import GeneratorDependencyError
from .graph import Call, Plan


class Flavour(NamedTuple):
    """What differs between code that waits and code that does not.

    Attributes:
        waits: whether it does.
        enter: gives the value of a dependency that is a coroutine or opens a generator.
        exit: runs any kind of generator from its ``yield`` to its end.
        throw: throws an error into all generators that are open.
    """

    waits: bool
    enter: Callable[..., Any]
    exit: Callable[..., Any]
    throw: Callable[..., Any]


class Shape(NamedTuple):
    """The arguments of a call, without their values.

    Attributes:
        arguments: how many have no name.
        names: the names of the others, in order.
    """

    arguments: int
    names: tuple[str, ...] = ()

    def variables(self) -> list[str]:
        """Return the variables of the arguments, those with a name behind the others."""
        return [f"a{index}" for index in range(self.arguments + len(self.names))]


def compiled(
    plan: Plan,
    function: Callable[..., Any],
    shape: Shape,
    flavour: Flavour,
    *,
    by_position: bool,
    in_handle: bool,
) -> Callable[..., Any]:
    """Return what calls a function with the arguments of a call, and with what is planned.

    Args:
        plan: how the other parameters are filled.
        function: is called.
        shape: the arguments.
        flavour: whether to wait, and how.
        by_position: whether the filled parameters directly follow the arguments.
        in_handle: whether the scope of a *handle* comes before the arguments.
    """
    arguments = shape.variables()
    taken = ["scope", *arguments] if in_handle else arguments
    given = arguments[: shape.arguments]
    if by_position:
        given += plan.filled.values()
    else:
        pairs = [*zip(shape.names, arguments[shape.arguments :], strict=True), *plan.filled.items()]
        given += [_named(name, variable) for name, variable in pairs]
    source = "\n".join(_lines(plan.calls, taken, given, flavour.waits))
    namespace = {
        "CoroutineType": CoroutineType,
        "END": END,
        "GeneratorDependencyError": GeneratorDependencyError,
        "NEVER": NEVER,
        "throw": flavour.throw,
        "exit": flavour.exit,
        "function": function,
        "enter": flavour.enter,
    }
    for call in plan.calls:
        namespace[f"f{call.number}"] = call.function
        namespace[f"k{call.number}"] = call.key
    exec(_code(source), namespace)  # noqa: S102 - made of names that were made here
    made: Callable[..., Any] = namespace["call"]
    return made


@functools.lru_cache(maxsize=1_000)
def _code(source: str) -> CodeType:
    """Compile a source, and let tracebacks show its lines."""
    name = f"<call with dependencies {hash(source):x}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    return compile(source, name, "exec")


def _lines(
    calls: Sequence[Call], taken: Sequence[str], given: Sequence[str], waits: bool
) -> Iterator[str]:
    wait = "await " if waits else ""
    yield f"{'async ' if waits else ''}def call({', '.join(taken)}):"
    outcome = f"{wait}function({', '.join(given)})"
    if not calls:
        yield f"    return {outcome}"
        return
    yield "    opened = []"
    yield "    try:"
    for call in calls:
        yield from (f"        {line}" for line in _call_lines(call, wait))
    yield f"        outcome = {outcome}"
    yield "        while opened:"
    yield f"            {wait}exit(opened.pop())"
    yield "        return outcome"
    yield "    except BaseException as error:"
    yield f"        {wait}throw(opened, error)"
    yield "        raise"


def _call_lines(call: Call, wait: str) -> Iterator[str]:
    number, result = call.number, call.result
    named = [_named(name, variable) for name, variable in call.named.items()]
    made = f"f{number}({', '.join([*call.positional, *named])})"
    opens = is_generator_function(call.function, decorated=True)
    if call.lasts:
        yield f"{result} = scope.kept.get(k{number}, END)"
        yield f"if {result} is END:"
        yield f"    {result} = {wait}scope.keep(k{number}, {made}, {opens})"
    elif inspect.isgeneratorfunction(call.function):
        yield from _opening_lines(call, made, f"next(g{number}, END)")
    elif wait and inspect.isasyncgenfunction(call.function):
        yield from _opening_lines(call, made, f"await anext(g{number}, END)")
    elif wait and inspect.iscoroutinefunction(call.function):
        yield f"{result} = await {made}"
    elif opens:
        yield f"{result} = {wait}enter({made}, True, opened)"
    else:
        yield f"{result} = {made}"
        if not isinstance(call.function, type):
            yield f"if type({result}) is CoroutineType:"
            yield f"    {result} = {wait}enter({result}, False, opened)"


def _opening_lines(call: Call, made: str, begun: str) -> Iterator[str]:
    number, result = call.number, call.result
    yield f"g{number} = {made}"
    yield f"{result} = {begun}"
    yield f"if {result} is END:"
    yield f"    raise GeneratorDependencyError(g{number}, NEVER)"
    yield f"opened.append(g{number})"


def _named(name: str, variable: str) -> str:
    """Return an argument with a name, which need not be one that Python code can have."""
    if name.isidentifier() and not keyword.iskeyword(name):
        return f"{name}={variable}"
    return f"**{{{name!r}: {variable}}}"
