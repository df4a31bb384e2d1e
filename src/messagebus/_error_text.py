"""The texts of errors, on one line, as the logs and the command line show them, and their parts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def brief(error: BaseException) -> str:
    """Return an error with its class, without the statement that failed and its parameters."""
    return f"{type(error).__name__}: {_reason(error)}"


def with_advice(error: BaseException) -> str:
    """Return an error and its notes, which say what to do, without the statement that failed."""
    return _sentences(_reason(error), error)


def brief_with_advice(error: BaseException) -> str:
    """Return an error with its class and its notes, without the statement that failed."""
    return _sentences(brief(error), error)


def _sentences(fact: str, error: BaseException) -> str:
    notes: Iterable[str] = getattr(error, "__notes__", ())
    *facts, last = [fact, *notes]
    return ". ".join([*(each.removesuffix(".") for each in facts), last])


def errors_in(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, and those in it if it is a group."""
    yield error
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from errors_in(each)


def _reason(error: BaseException) -> str:
    # An error of SQLAlchemy keeps that of the driver, whose text has no statement in it.
    return " ".join(str(getattr(error, "orig", None) or error).split())
