"""The outcome of a message: what it led to, returned or raised, and the checks of it."""

from __future__ import annotations

import re
from typing import Any, Generic, Self, TypeVar

from ..._error_text import errors_in
from ...domain.model import Message
from ...exceptions import ConfigurationError, InvalidMessageError, MessageBusError
from .comparison import are_as_expected, difference, difference_of_values

R = TypeVar("R")

_ANY = (Exception, BaseException, ExceptionGroup, BaseExceptionGroup)


class Outcome(Generic[R]):
    """The outcome of a message in a scenario; each check raises an AssertionError if it fails.

    Args:
        message: the message.
        led_to: the messages that were handled after it, in its transaction.
        result: the result of its handler.
        error: why it failed; None if it did not.
    """

    def __init__(
        self,
        message: Message[Any],
        led_to: list[Message[Any]],
        result: Any,
        error: Exception | None,
    ) -> None:
        self.is_checked: bool = False
        """Whether a check was made."""
        self._description = f"when({message!r})"
        self._led_to = led_to
        self._result = result
        self._error = error

    def then(self, *messages: Message[Any]) -> Self:
        """Expect that handling the message led to these messages and no others, in this order.

        Identifiers and times are compared only where an expected message was given them.

        Args:
            messages: the messages that were handled after it, private and published ones; none
                if it must lead to nothing.

        Raises:
            AssertionError: it led to others, or failed.
            InvalidMessageError: something else than a message is expected.
        """
        __tracebackhide__ = True
        for each in messages:
            if not isinstance(each, Message):
                raise InvalidMessageError(each)
        actual = self.messages
        if not are_as_expected(messages, actual):
            text = f"{self._description} did not lead to the expected messages.\n"
            raise AssertionError(text + difference(messages, actual))
        return self

    def returns(self, result: R) -> Self:
        """Expect the result of the handler.

        Raises:
            AssertionError: it returned something else, or failed.
        """
        __tracebackhide__ = True
        actual = self.result
        if actual != result or _is_bool_for_number(actual, result):
            text = f"{self._description} did not return the expected result.\n"
            raise AssertionError(text + difference_of_values(result, actual))
        return self

    def fails(self, error: type[Exception], *, match: str | None = None) -> Self:
        """Expect that handling the message fails, so that nothing of it is kept.

        An error of this package, such as that of a missing dependency, is expected only by its own
        class: the handler may be right, and its wiring wrong. Of a group, such as that of a bus
        which collects errors, every one must be of the class.

        Args:
            error: the class of the error.
            match: a regular expression that must be found in its text.

        Raises:
            AssertionError: it succeeded, or failed in another way.
            ConfigurationError: any error at all is expected.
        """
        __tracebackhide__ = True
        if error in _ANY and match is None:
            text = f"fails({error.__name__}) would accept a mistake in the test as well"
            raise ConfigurationError(text, advice="Name the class of the error, or match its text.")
        self.is_checked = True
        actual, name = self._error, error.__qualname__
        if actual is None:
            text = f"{self._description} did not fail with {name}.\n"
            text += f"It led to {self._led_to}, and returned {self._result!r}."
            raise AssertionError(text)
        errors = [actual] if isinstance(actual, error) else _leaves(actual)
        if not all(_is_expected(each, error) for each in errors):
            text = f"{self._description} did not fail with {name}, but with {_shown(actual)}"
            if all(isinstance(each, error) for each in errors):
                text += "\nAn error of messagebus is expected by its own class."
            raise AssertionError(text) from actual
        if match is not None and not any(re.search(match, str(each)) for each in errors):
            text = f"{self._description} failed with {name}, but its text does not match {match!r}"
            raise AssertionError(text + f": {str(actual)!r}") from actual
        return self

    @property
    def messages(self) -> list[Message[Any]]:
        """The messages that it led to, for a check of your own.

        Raises:
            AssertionError: it failed.
        """
        __tracebackhide__ = True
        self._ensure_successful()
        return list(self._led_to)

    @property
    def result(self) -> R:
        """The result of the handler, for a check of your own.

        Raises:
            AssertionError: it failed.
        """
        __tracebackhide__ = True
        self._ensure_successful()
        return self._result  # type: ignore[no-any-return]

    @property
    def problem(self) -> str | None:
        """What is wrong with a test that ends now; None if the outcome was checked."""
        if self.is_checked:
            return None
        text = f"{self._description} was never checked; it "
        if self._error is not None:
            return f"{text}failed with {_shown(self._error)}"
        return f"{text}led to {self._led_to}, and returned {self._result!r}"

    def _ensure_successful(self) -> None:
        __tracebackhide__ = True
        self.is_checked = True
        if self._error is not None:
            text = f"{self._description} failed with {_shown(self._error)}"
            raise AssertionError(text) from self._error


def _is_bool_for_number(actual: object, expected: object) -> bool:
    """Tell whether one of two equal numbers is a truth value, as of 1 and True."""
    are_numbers = isinstance(actual, (int, float)) and isinstance(expected, (int, float))
    return are_numbers and isinstance(actual, bool) != isinstance(expected, bool)


def _leaves(error: Exception) -> list[BaseException]:
    return [each for each in errors_in(error) if not isinstance(each, BaseExceptionGroup)]


def _is_expected(actual: BaseException, error: type[Exception]) -> bool:
    is_ours = isinstance(actual, MessageBusError) and not issubclass(error, MessageBusError)
    return isinstance(actual, error) and not (is_ours and error not in _ANY)


def _shown(error: BaseException) -> str:
    shown = f"{type(error).__qualname__}: {error}"
    if isinstance(error, BaseExceptionGroup):
        shown += f" [{'; '.join(map(_shown, error.exceptions))}]"
    return shown
