"""Generators as dependencies: what they yield is used until they are resumed or fail.

Each is resumed once: normally, or with the failure of what used it thrown in at its ``yield``. It
can replace a failure by one of its own, but not swallow it: what needs the result of a call that
failed, and the generators that were opened before, have to know.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, NoReturn

from ..exceptions import GeneratorDependencyError

NEVER = "ended without yielding"
AGAIN = "yielded more than once"

END: Any = object()
"""What the end of a generator gives in place of a value."""


def started(generator: Generator[Any, Any, Any]) -> Any:
    """Run a generator up to its ``yield`` and return what it yields.

    Raises:
        GeneratorDependencyError: it does not yield.
    """
    value = next(generator, END)
    if value is END:
        raise GeneratorDependencyError(generator, NEVER)
    return value


def exit(generator: Generator[Any, Any, Any]) -> None:
    """Run a generator from its ``yield`` to its end.

    Raises:
        GeneratorDependencyError: it yields again.
    """
    if next(generator, END) is not END:
        generator.close()
        raise GeneratorDependencyError(generator, AGAIN)


def throw(generator: Generator[Any, Any, Any], failure: BaseException) -> BaseException:
    """Throw a failure into a generator at its ``yield``, and return what has failed now.

    That is the same failure, unless the generator raises another one.
    """
    traceback = failure.__traceback__
    try:
        generator.throw(failure)
        generator.close()
    except StopIteration:
        return failure
    except BaseException as raised:  # noqa: BLE001 - handed back, not handled
        return succeeding(failure, raised)
    else:
        return succeeding(failure, GeneratorDependencyError(generator, AGAIN))
    finally:
        failure.__traceback__ = traceback


def succeeding(failure: BaseException, raised: BaseException) -> BaseException:
    """Return which of two failures goes on: the second, with the first to be seen behind it."""
    if raised.__cause__ is failure and isinstance(failure, StopIteration | StopAsyncIteration):
        return failure  # which no generator lets through as it is
    last = raised
    while last is not failure:
        if last.__context__ is None:
            last.__context__ = failure
            break
        last = last.__context__
    return raised


def reraise(failure: BaseException) -> NoReturn:
    """Raise a failure with the context that it has, whatever is being handled."""
    context = failure.__context__
    try:
        raise failure
    finally:
        failure.__context__ = context
        del failure
