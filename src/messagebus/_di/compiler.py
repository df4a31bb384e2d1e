"""Compiles a plan to the code that one would write by hand.

For a handler that needs a generator dependency and a coroutine dependency, which itself needs the
first::

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
            if outcome is not None and opened and type(outcome) not in SETTLED:
                ensure_settled(outcome, function)  # its body would run after they are closed
            while opened:
                await exit(opened.pop())
            return outcome
        except BaseException as error:
            await throw(opened, error)
            raise

The sync flavour is the same without ``async`` and ``await``.
"""

from __future__ import annotations

import functools
import inspect
import keyword
import linecache
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import CodeType, CoroutineType
from typing import Any, NamedTuple

from .._compat.callables import SETTLED, is_generator_function
from .._compat.generators import END, NEVER
from ..exceptions import GeneratorDependencyError
from .graph import Call, Plan


class Flavour(NamedTuple):
    """The differences between async code and sync code.

    Attributes:
        is_async: whether the code awaits.
        adapt: converts a function to what the code calls.
        enter: returns the value of a dependency that must be awaited or opens a generator.
        ensure_settled: refuses a result that still has a body to run.
        exit: runs a generator of any kind from its ``yield`` to its end.
        throw: throws an error into all open generators.
    """

    is_async: bool
    adapt: Callable[[Callable[..., Any]], Callable[..., Any]]
    enter: Callable[..., Any]
    ensure_settled: Callable[..., None]
    exit: Callable[..., Any]
    throw: Callable[..., Any]


_CONSTANTS = {
    "CoroutineType": CoroutineType,
    "END": END,
    "GeneratorDependencyError": GeneratorDependencyError,
    "NEVER": NEVER,
    "SETTLED": SETTLED,
}


def compile_call(plan: Plan, function: Callable[..., Any], flavour: Flavour) -> Callable[..., Any]:
    """Return a function that calls *function* with its arguments and dependencies.

    Args:
        plan: the calls of dependencies, and the arguments.
        function: the function, as `Flavour.adapt` returned it.
        flavour: async or sync.
    """
    source = "\n".join(_write_function(plan, flavour.is_async))
    namespace: dict[str, Any] = {**_CONSTANTS, **flavour._asdict(), "function": function}
    for call in plan.calls:
        namespace[f"f{call.number}"] = call.function
        namespace[f"k{call.number}"] = call.key
    exec(_compile_source(source), namespace)  # noqa: S102 - all its names are ours
    compiled: Callable[..., Any] = namespace["call"]
    return compiled


@functools.lru_cache(maxsize=1_000)
def _compile_source(source: str) -> CodeType:
    """Compile a source, and let tracebacks show its lines."""
    name = f"<call with dependencies {hash(source):x}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    return compile(source, name, "exec")


def _write_function(plan: Plan, is_async: bool) -> Iterator[str]:
    wait = "await " if is_async else ""
    yield f"{'async ' if is_async else ''}def call({', '.join(plan.parameters)}):"
    outcome = f"{wait}function({_write_arguments(plan.positional, plan.named)})"
    if not plan.calls:
        yield f"    return {outcome}"
        return
    yield "    opened = []"
    yield "    try:"
    for call in plan.calls:
        yield from (f"        {line}" for line in _write_call(call, wait))
    yield f"        outcome = {outcome}"
    yield "        if outcome is not None and opened and type(outcome) not in SETTLED:"
    yield "            ensure_settled(outcome, function)"
    yield "        while opened:"
    yield f"            {wait}exit(opened.pop())"
    yield "        return outcome"
    yield "    except BaseException as error:"
    yield f"        {wait}throw(opened, error)"
    yield "        raise"


def _write_call(call: Call, wait: str) -> Iterator[str]:
    number, result = call.number, call.result
    made = f"f{number}({_write_arguments(call.positional, call.named)})"
    opens = is_generator_function(call.function, decorated=True)
    if call.lasts:
        yield f"{result} = scope.values.get(k{number}, END)"
        yield f"if {result} is END:"
        if isinstance(call.function, type):
            yield f"    {result} = scope.values[k{number}] = {made}"
        else:
            yield f"    {result} = {wait}scope.keep(k{number}, {made}, {opens})"
    elif inspect.isgeneratorfunction(call.function):
        yield from _write_opening(call, made, f"next(g{number}, END)")
    elif wait and inspect.isasyncgenfunction(call.function):
        yield from _write_opening(call, made, f"await anext(g{number}, END)")
    elif wait and inspect.iscoroutinefunction(call.function):
        yield f"{result} = await {made}"
    elif opens:
        yield f"{result} = {wait}enter({made}, True, opened)"
    else:
        yield f"{result} = {made}"
        if not isinstance(call.function, type):
            unsettled = "not in SETTLED" if wait else "is CoroutineType"
            yield f"if type({result}) {unsettled}:"
            yield f"    {result} = {wait}enter({result}, False, opened)"


def _write_opening(call: Call, generator: str, first: str) -> Iterator[str]:
    number, result = call.number, call.result
    yield f"g{number} = {generator}"
    yield f"{result} = {first}"
    yield f"if {result} is END:"
    yield f"    raise GeneratorDependencyError(g{number}, NEVER)"
    yield f"opened.append(g{number})"


def _write_arguments(positional: Sequence[str], named: Mapping[str, str]) -> str:
    return ", ".join([*positional, *map(_write_keyword, named.items())])


def _write_keyword(argument: tuple[str, str]) -> str:
    """Write a keyword argument, even if Python code cannot spell its name."""
    name, variable = argument
    if name.isidentifier() and not keyword.iskeyword(name):
        return f"{name}={variable}"
    return f"**{{{name!r}: {variable}}}"
