"""The texts of errors, on one line, as the logs and the command line show them, and their parts."""

from __future__ import annotations

from collections.abc import Iterator


def brief(error: BaseException) -> str:
    """Return an error with its class, without the statement that failed and its parameters."""
    return f"{type(error).__name__}: {_reason(error)}"


def with_advice(error: BaseException) -> str:
    """Return an error and its notes, which say what to do, without the statement that failed."""
    return "; ".join([_reason(error), *advice_of(error)])


def advice_of(error: BaseException) -> list[str]:
    """Return the notes of an error."""
    return list(getattr(error, "__notes__", ()))


def errors_in(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, and those in it if it is a group."""
    yield error
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from errors_in(each)


def _reason(error: BaseException) -> str:
    # An error of SQLAlchemy keeps that of the driver, whose text has no statement in it.
    return " ".join(str(getattr(error, "orig", None) or error).split())
