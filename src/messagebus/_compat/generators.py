"""Generator dependencies: opened, used, then resumed once.

A generator is resumed normally, or with the failure of its user thrown in at its ``yield``. It may
replace the failure by one of its own, but not swallow it: the caller has no result to go on with,
and the generators opened before must see the failure, too.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, NoReturn

from ..exceptions import GeneratorDependencyError

NEVER = "ended without yielding"
AGAIN = "yielded more than once"

END: Any = object()
"""Returned in place of a value at the end of a generator."""


def start(generator: Generator[Any, Any, Any]) -> Any:
    """Run a generator up to its ``yield``, and return the value that it yields.

    Raises:
        GeneratorDependencyError: the generator does not yield.
    """
    value = next(generator, END)
    if value is END:
        raise GeneratorDependencyError(generator, NEVER)
    return value


def exit(generator: Generator[Any, Any, Any]) -> None:
    """Run a generator from its ``yield`` to its end.

    Raises:
        GeneratorDependencyError: the generator yields again.
    """
    if next(generator, END) is not END:
        generator.close()
        raise GeneratorDependencyError(generator, AGAIN)


def throw(generator: Generator[Any, Any, Any], failure: BaseException) -> BaseException:
    """Throw a failure into a generator at its ``yield``; return the failure to propagate.

    It is the same failure, unless the generator raises another one.
    """
    traceback = failure.__traceback__
    try:
        generator.throw(failure)
        generator.close()
    except StopIteration:
        return failure
    except BaseException as raised:  # noqa: BLE001 - returned to the caller
        return chain_failures(failure, raised)
    else:
        return chain_failures(failure, GeneratorDependencyError(generator, AGAIN))
    finally:
        failure.__traceback__ = traceback


def chain_failures(failure: BaseException, raised: BaseException) -> BaseException:
    """Return the failure to propagate: *raised*, with *failure* at the end of its context."""
    if raised.__cause__ is failure and isinstance(failure, StopIteration | StopAsyncIteration):
        return failure  # Python wraps these when a generator lets them through
    last = raised
    while last is not failure:
        if last.__context__ is None:
            last.__context__ = failure
            break
        last = last.__context__
    return raised


def reraise(failure: BaseException) -> NoReturn:
    """Raise a failure, keeping its context even inside an ``except`` block."""
    context = failure.__context__
    try:
        raise failure
    finally:
        failure.__context__ = context
        del failure
