"""Every error that the package raises, under one base.

Each is also the builtin that a caller would expect, keeps the objects it is about as
attributes, and puts advice that goes beyond its text into a note (PEP 678).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from uuid import UUID

    from .domain.model import Message


class MessageBusError(Exception):
    """Base of every error of this package."""

    def __reduce__(self) -> tuple[Any, ...]:
        # The constructors take objects, not what *args* holds: by default an error could not
        # cross to another process.
        return _restored, (type(self), self.args, self.__dict__)


def _restored(
    kind: type[MessageBusError], args: tuple[Any, ...], state: dict[str, Any]
) -> MessageBusError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class ConfigurationError(MessageBusError, RuntimeError):
    """The bus, or something given to it, is wired in a way that can not work.

    Attributes:
        message_type: the message type, or what stood in its place; None if there is none.
        listener: the callable that was being registered; None if there is none.
        problems: one text for each mistake, when several are reported at once.
    """

    def __init__(
        self,
        text: str,
        *,
        message_type: object = None,
        listener: Callable[..., Any] | None = None,
        problems: Sequence[str] = (),
    ) -> None:
        super().__init__(text)
        self.message_type = message_type
        self.listener = listener
        self.problems = tuple(problems)


class MissingExtraError(MessageBusError, ImportError):
    """An adapter needs a library that is not installed; the cause says which.

    Attributes:
        extra: the extra of this package that brings the library.
    """

    def __init__(self, adapter: str, extra: str) -> None:
        super().__init__(f"{adapter} needs what `pip install 'messagebus[{extra}]'` installs")
        self.extra = extra


class AnnotationError(ConfigurationError):
    """An annotation that has to be known mentions a name that can not be found.

    Attributes:
        listener: the callable that has the parameter.
        parameter: the name of the parameter.
        annotation: the annotation as it was written.
    """

    def __init__(self, function: Callable[..., Any], parameter: str, annotation: object) -> None:
        name = getattr(function, "__qualname__", repr(function))
        super().__init__(
            f"The annotation {annotation!r} of the parameter {parameter!r} of {name} "
            f"can not be resolved",
            listener=function,
        )
        self.parameter = parameter
        self.annotation = annotation
        self.add_note(
            "It has to be a name that exists when the callable is registered: a name imported "
            "only under TYPE_CHECKING, or local to another function, can not be found."
        )


class ParameterError(ConfigurationError):
    """A parameter of a handler, or of a dependency, is one that nothing can fill.

    Attributes:
        listener: the callable that has the parameter.
        parameter: the name of the parameter.
        path: the callables that lead to it: the handler, then each dependency down to the one
            that has the parameter.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        parameter: str,
        path: Sequence[Callable[..., Any]] = (),
        *,
        reason: str = "has no default, and nothing fills it",
    ) -> None:
        super().__init__(
            f"The parameter {parameter!r} of {_name(function)} {reason}", listener=function
        )
        self.parameter = parameter
        self.path = tuple(path)
        if len(self.path) > 1:
            self.add_note("It is needed through " + " -> ".join(map(_name, self.path)) + ".")
        self.add_note("Give it a default, or declare with Depends(...) what fills it.")


class DependencyCycleError(ConfigurationError):
    """A dependency needs itself, directly or through others.

    Attributes:
        cycle: the dependencies in the order in which each needs the next; the last is the first.
    """

    def __init__(self, cycle: Sequence[Callable[..., Any]]) -> None:
        super().__init__(
            "The dependencies need each other: " + " -> ".join(map(_name, cycle)),
            listener=cycle[0],
        )
        self.cycle = tuple(cycle)


class GeneratorDependencyError(MessageBusError, RuntimeError):
    """A generator dependency did not yield exactly once.

    Attributes:
        generator: the generator, which is closed.
    """

    def __init__(self, generator: object, fact: str) -> None:
        super().__init__(generator, fact)
        self.generator = generator
        self.fact = fact

    def __str__(self) -> str:
        return f"The generator dependency {_name(self.generator)} {self.fact}"


class RunningLoopError(MessageBusError, RuntimeError):
    """A plain call needs an asynchronous dependency while an event loop runs in its thread.

    Attributes:
        dependency: the coroutine or the asynchronous generator of the dependency.
    """

    def __init__(self, dependency: object) -> None:
        super().__init__(dependency)
        self.dependency = dependency
        self.add_note(
            "Make the call in a thread of its own, await asyncio.to_thread(...), or make the "
            "handler a coroutine function and use what messagebus.asyncio has under this name."
        )

    def __str__(self) -> str:
        return (
            f"A plain call can not wait for the dependency {_name(self.dependency)}: an event "
            f"loop is running in this thread"
        )


class UnknownActionError(MessageBusError, KeyError):
    """A service was asked for an action that it does not have.

    Attributes:
        action: the name that was asked for.
        known: the names of its actions, sorted.
    """

    def __init__(self, action: str, known: Iterable[str]) -> None:
        super().__init__(action)
        self.action = action
        self.known = tuple(sorted(known))

    def __str__(self) -> str:
        known = ", ".join(map(repr, self.known)) or "none"
        return f"There is no action {self.action!r}; the known ones are: {known}"


class ScanError(MessageBusError, ValueError):
    """A name given to *scan* is relative; only absolute module names can be scanned.

    Attributes:
        module: the name as it was given.
    """

    def __init__(self, module: str) -> None:
        super().__init__(module)
        self.module = module

    def __str__(self) -> str:
        return f"scan error: relative package unsupported for {self.module}"


class InvalidMessageError(MessageBusError, RuntimeError):
    """Something that is neither a command nor an event was given to the bus.

    Attributes:
        message: the object that was given.
    """

    def __init__(self, message: object) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return f"{self.message!r} was not an Event or Command"


class TransactionError(MessageBusError, RuntimeError):
    """A transaction was used in a way that its status does not allow."""


class MissingDependencyError(MessageBusError, RuntimeError):
    """A listener asks for a dependency that neither the bus nor the call provides.

    Attributes:
        dependency: the name that is missing.
        listener: the callable that has the parameter.
    """

    def __init__(self, dependency: str, listener: Callable[..., Any]) -> None:
        super().__init__(dependency, listener)
        self.dependency = dependency
        self.listener = listener
        name = getattr(listener, "__qualname__", repr(listener))
        self.add_note(
            f"The parameter {dependency!r} of the listener {name} needs it. Give it to the bus "
            f"({dependency}=...) or to the handle call, or give the parameter a default."
        )

    def __str__(self) -> str:
        return f"Missing messagebus dependency {self.dependency!r}"


class CascadeError(MessageBusError, RecursionError):
    """A chain of messages, each raised while its cause was handled, went too deep.

    Attributes:
        max_depth: how many messages the chain may have.
        chain: the message types from the first message to the one that was refused.
        repeating: the types that stand in the chain more than once, most frequent first.
    """

    def __init__(self, max_depth: int, chain: Sequence[type[Message[Any]]]) -> None:
        super().__init__(max_depth, chain)
        self.max_depth = max_depth
        self.chain = tuple(chain)
        counts = Counter(self.chain).most_common()
        self.repeating = tuple(kind for kind, count in counts if count > 1)

    def __str__(self) -> str:
        names = ", ".join(kind.__qualname__ for kind in self.repeating)
        cause = f"these raise each other: {names}" if names else "no type repeats"
        return f"A chain of causes is longer than {self.max_depth} messages; {cause}"


class PublishError(MessageBusError, RuntimeError):
    """The transport failed after the commit; the transaction itself stands.

    The messages stay buffered in the eventstore: a later *publish_eventstream*, or the next
    commit that publishes, sends them first. The cause is the error of the transport.

    Attributes:
        messages: the message that failed and those behind it, in handling order.
    """

    def __init__(self, messages: Sequence[Message[Any]]) -> None:
        super().__init__(messages)
        self.messages = tuple(messages)

    def __str__(self) -> str:
        failed = self.messages[0]
        return (
            f"The eventstream refused {failed!r}; {len(self.messages)} message(s) of committed "
            f"transactions stay buffered"
        )


class TransportUnavailableError(MessageBusError, ConnectionError):
    """The broker can not be reached, or does not answer: nothing is wrong with the message.

    Whoever sends waits and tries again for as long as it takes; a relay does not count it as
    an attempt, so an outage never parks a backlog.
    """


class StreamMissingError(TransportUnavailableError):
    """What a transport sends to does not exist; the note says how to create it.

    It fails every message alike, so it is nothing that a message could be parked for.

    Attributes:
        stream: the name of what is missing.
    """

    def __init__(self, stream: str, advice: str) -> None:
        super().__init__(stream)
        self.stream = stream
        self.add_note(advice)

    def __str__(self) -> str:
        return f"There is no stream {self.stream!r}"


class MessageRejectedError(MessageBusError, ValueError):
    """The broker, or its transport, refuses one message: sending it again will not help.

    Attributes:
        message: the serialized message.
        reason: why it was refused.
    """

    def __init__(self, message: Mapping[str, Any], reason: str) -> None:
        super().__init__(message, reason)
        self.message = message
        self.reason = reason

    def __str__(self) -> str:
        return f"The message {self.message.get('id')} was refused: {self.reason}"


class BatchSendError(MessageBusError, RuntimeError):
    """A batch was not sent as a whole; the cause is the error of the message that failed.

    Attributes:
        sent: how many messages from the beginning of the batch the broker has confirmed. The
            next one is the one that failed; those behind it may have been sent or not.
    """

    def __init__(self, sent: int) -> None:
        super().__init__(sent)
        self.sent = sent

    def __str__(self) -> str:
        return f"The batch broke off behind {self.sent} message(s)"


def _name(thing: object) -> str:
    return getattr(thing, "__qualname__", None) or repr(thing)


class UnstorableMessageError(MessageBusError, ValueError):
    """A message has content that would not come back from the store as it was.

    Attributes:
        message: the message.
        reason: what is wrong with it.
    """

    def __init__(self, message: Message[Any], reason: str) -> None:
        super().__init__(message, reason)
        self.message = message
        self.reason = reason

    def __str__(self) -> str:
        return f"The message {self.message!r} can not be stored: {self.reason}"


class DuplicateMessageError(MessageBusError, ValueError):
    """Messages are in the store already, or twice in one transaction.

    Attributes:
        message_ids: the identifiers that are taken.
    """

    def __init__(self, message_ids: Sequence[UUID]) -> None:
        super().__init__(message_ids)
        self.message_ids = tuple(message_ids)

    def __str__(self) -> str:
        ids = ", ".join(map(str, self.message_ids))
        return f"Stored already: {ids}; a message is handled in one transaction, once"


class UnknownMessageTypeError(MessageBusError, LookupError):
    """A stored message is of a name and version for which no class was given.

    Attributes:
        name: the name of the schema.
        schema_version: its version.
        position: where the message stands in the store.
    """

    def __init__(self, name: str, schema_version: int, position: int) -> None:
        super().__init__(name, schema_version, position)
        self.name = name
        self.schema_version = schema_version
        self.position = position

    def __str__(self) -> str:
        return (
            f"No class was given for {self.name!r} version {self.schema_version}, "
            f"of which a message stands at position {self.position}"
        )


class UndeliverableMessageError(MessageBusError, RuntimeError):
    """A relay that stops at what it can not send has come to such a message.

    Attributes:
        message_id: the identifier of the message.
        position: where it stands in the store.
        attempts: how often it was tried.
        reason: what went wrong the last time.
    """

    def __init__(self, message_id: UUID, position: int, attempts: int, reason: str) -> None:
        super().__init__(message_id, position, attempts, reason)
        self.message_id = message_id
        self.position = position
        self.attempts = attempts
        self.reason = reason
        self.add_note("Replay or discard the message, or let the relay park what it can not send.")

    def __str__(self) -> str:
        return (
            f"The message {self.message_id} at position {self.position} could not be sent in "
            f"{self.attempts} attempt(s): {self.reason}"
        )


class BacklogStalledError(MessageBusError, TimeoutError):
    """A relay that drains has waited in vain for the one that leads.

    Attributes:
        holder: which relay leads, or has led last.
        position: where the first message that is pending stands in the store.
        seconds: for how long it has seen none sent, and no attempt.
    """

    def __init__(self, holder: str, position: int, seconds: float) -> None:
        super().__init__(holder, position, seconds)
        self.holder = holder
        self.position = position
        self.seconds = seconds
        self.add_note("The log of that relay tells why, most often that its broker is away.")

    def __str__(self) -> str:
        return (
            f"The relay {self.holder} leads and has sent nothing for {self.seconds:.1f} s; "
            f"the message at position {self.position} is the first that waits"
        )
