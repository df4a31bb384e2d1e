"""The errors of this package.

All derive from `MessageBusError`, and each from the builtin error that a caller would expect. They
keep the objects that they are about as attributes. Advice beyond the message is in a note
(PEP 678).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from ._installation import how_to_add

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from uuid import UUID

    from .domain.model import Message


_LONGEST_NAME = 100  # in an error message: what comes from outside may have any size


class MessageBusError(Exception):
    """Base class of all errors of this package.

    Args:
        args: the arguments of the exception.
        advice: the next step, which becomes a note.
    """

    def __init__(self, *args: object, advice: str | None = None) -> None:
        super().__init__(*args)
        if advice is not None:
            self.add_note(advice)

    def __reduce__(self) -> tuple[Any, ...]:
        # The constructors accept objects, not *args*, so the default could not unpickle an error
        # that comes from another process.
        return _make, (type(self), *self.args), self.__dict__


def _make(kind: type[MessageBusError], *args: object) -> MessageBusError:
    error = kind.__new__(kind, *args)
    super(MessageBusError, error).__init__(*args)
    return error


def _name(thing: object) -> str:
    return getattr(thing, "__qualname__", None) or repr(thing)


class ConfigurationError(MessageBusError, RuntimeError):
    """The bus, or an object given to it, is wired in a way that cannot work.

    Args:
        text: the fact.
        message_type: see *Attributes*.
        listener: see *Attributes*.
        problems: see *Attributes*.
        advice: the next step, which becomes a note.

    Attributes:
        message_type: the message type, or what was given in its place; None if there is none.
        listener: the callable that was being registered; None if there is none.
        problems: one sentence for each mistake, if several are reported at once.
    """

    def __init__(
        self,
        text: str,
        *,
        message_type: object = None,
        listener: Callable[..., Any] | None = None,
        problems: Sequence[str] = (),
        advice: str | None = None,
    ) -> None:
        super().__init__(text, advice=advice)
        self.message_type = message_type
        self.listener = listener
        self.problems: tuple[str, ...] = tuple(problems)


class MissingExtraError(MessageBusError, ImportError):
    """An adapter needs a library that is not installed. The cause names the library.

    Attributes:
        extra: the extra of this package that installs the library.
    """

    def __init__(self, adapter: str, extra: str) -> None:
        super().__init__(f"{adapter} needs the extra {extra!r}: {how_to_add(extra)}")
        self.extra = extra


class MissingTableError(ConfigurationError):
    """A table of the outbox does not exist yet.

    Attributes:
        table: the name of the table, with its schema if it has one.
    """

    def __init__(self, table: str) -> None:
        super().__init__(
            f"The table {table} does not exist",
            advice="Create it in a migration, or with async_create_tables(engine).",
        )
        self.table = table


class MissingColumnError(ConfigurationError):
    """A table of the outbox was made by an earlier version of this package, or changed since.

    Attributes:
        table: the name of the table, with its schema if it has one.
        columns: the columns that it lacks.
        version: the version of the tables; None if it is not stored.
        needed: the version that this package needs.
    """

    def __init__(
        self, table: str, columns: Iterable[str], version: int | None, needed: int
    ) -> None:
        self.columns: tuple[str, ...] = tuple(columns)
        if version is None:
            stored = "do not say their version"
        elif version < needed:
            stored = f"are of version {version}, and this package needs version {needed}"
        else:
            stored = f"were changed, for they say version {version}, which has it"
        super().__init__(
            f"The table {table} has no column {', '.join(self.columns)}: the tables {stored}",
            advice="Upgrade them in a migration, with `messagebus outbox upgrade`, or with "
            "async_upgrade_tables(engine) or sync_upgrade_tables(engine). A column that these "
            "refuse to add has values that only a backup has.",
        )
        self.table = table
        self.version = version
        self.needed = needed


class TableVersionError(ConfigurationError):
    """The tables of the outbox are of a later version than this package knows.

    Attributes:
        table: the name of the table of the messages, with its schema if it has one.
        version: the version of the tables.
        needed: the version that this package knows.
    """

    def __init__(self, table: str, version: int, needed: int) -> None:
        super().__init__(
            f"The table {table} is of version {version}, and this package knows version {needed}",
            advice="Install the version of the package that made it, or a later one.",
        )
        self.table = table
        self.version = version
        self.needed = needed


class SplitTransactionError(ConfigurationError):
    """A transaction writes data through another engine than its messages, so not atomically.

    Attributes:
        data: the engine of the data.
        messages: the engine of the messages.
    """

    def __init__(self, data: str, messages: str) -> None:
        other = f"another {messages}" if data == messages else messages
        super().__init__(
            f"The session writes data through {data}, and messages through {other}: one could be "
            f"committed without the other",
            advice="Bind both to one engine, such as with binds={tables.messages: engine} in the "
            "session factory, or write the other data in a transaction of its own.",
        )
        self.data = data
        self.messages = messages


class AnnotationError(ConfigurationError):
    """An annotation that must be known cannot be resolved, or declares what cannot be done.

    Attributes:
        listener: the callable that has the parameter.
        parameter: the name of the parameter.
        annotation: the annotation as written.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        parameter: str,
        annotation: object,
        *,
        reason: str = "",
        advice: str = "Use names that exist when the callable is registered. Names that are "
        "imported only under TYPE_CHECKING, or local to another function, cannot be found. If the "
        "callable is not yours, wrap it in a function.",
    ) -> None:
        super().__init__(
            f"The annotation {annotation!r} of the parameter {parameter!r} of {_name(function)} "
            f"cannot be resolved{reason and f': {reason}'}",
            listener=function,
            advice=advice,
        )
        self.parameter = parameter
        self.annotation = annotation


class ParameterError(ConfigurationError):
    """A parameter of a handler or of a dependency cannot be filled.

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
        advice: str = "Give it a default, or declare a dependency for it with Depends(...).",
    ) -> None:
        super().__init__(
            f"The parameter {parameter!r} of {_name(function)} {reason}", listener=function
        )
        self.parameter = parameter
        self.path: tuple[Callable[..., Any], ...] = tuple(path)
        if len(self.path) > 1:
            self.add_note("It is needed through " + " -> ".join(map(_name, self.path)) + ".")
        self.add_note(advice)


class DependencyCycleError(ConfigurationError):
    """A dependency depends on itself, directly or through others.

    Attributes:
        cycle: the dependencies, each followed by one that it needs. The last is the first.
    """

    def __init__(self, cycle: Sequence[Callable[..., Any]]) -> None:
        super().__init__(
            "The dependencies form a cycle: " + " -> ".join(map(_name, cycle)),
            listener=cycle[0],
            advice="Move what they share into a dependency that needs none of them.",
        )
        self.cycle: tuple[Callable[..., Any], ...] = tuple(cycle)


class GeneratorDependencyError(MessageBusError, RuntimeError):
    """A generator dependency did not yield exactly once.

    Attributes:
        generator: the generator, which is closed.
        fact: what it did instead.
    """

    def __init__(self, generator: object, fact: str) -> None:
        super().__init__(
            f"The generator dependency {_name(generator)} {fact}",
            advice="A generator dependency must yield exactly once.",
        )
        self.generator = generator
        self.fact = fact


class RunningLoopError(MessageBusError, RuntimeError):
    """A synchronous call needs an async dependency while an event loop runs in its thread.

    Attributes:
        dependency: the coroutine or the async generator of the dependency.
    """

    def __init__(self, dependency: object) -> None:
        super().__init__(
            f"A synchronous call cannot await the dependency {_name(dependency)}: an event loop is "
            f"running in this thread",
            advice="Make the call in another thread, with await asyncio.to_thread(...), or make "
            "the handler a coroutine function and use the class of the same name in "
            "messagebus.asyncio.",
        )
        self.dependency = dependency


class UnknownActionError(MessageBusError, KeyError):
    """A service was asked for an action that it does not have.

    Attributes:
        action: the name of the action.
        known: the names of the service's actions, sorted.
    """

    def __init__(self, action: str, known: Iterable[str]) -> None:
        super().__init__(action)
        self.action = action
        self.known: tuple[str, ...] = tuple(sorted(known))

    def __str__(self) -> str:
        known = ", ".join(map(repr, self.known)) or "none"
        return f"Unknown action {self.action!r}; known actions: {known}"


class ScanError(MessageBusError, ValueError):
    """A module name given to *scan* is relative.

    Attributes:
        module: the name as given.
    """

    def __init__(self, module: str) -> None:
        text = f"scan error: relative package unsupported for {module}"
        super().__init__(text, advice="Pass the absolute name of the module.")
        self.module = module


class InvalidMessageError(MessageBusError, RuntimeError):
    """An object that is neither a command nor an event was given to the bus.

    Attributes:
        message: the object.
    """

    def __init__(self, message: object) -> None:
        super().__init__(message, advice="Derive its class from Command or from Event.")
        self.message = message

    def __str__(self) -> str:
        # Not built in advance: the repr of a user's object may fail.
        return f"{self.message!r} was not an Event or Command"


class TransactionError(MessageBusError, RuntimeError):
    """A transaction was used in a way that its status does not allow."""


class MissingDependencyError(MessageBusError, RuntimeError):
    """A listener requires a dependency that neither the bus nor the call provides.

    Attributes:
        dependency: the name of the dependency.
        listener: the callable that has the parameter.
    """

    def __init__(self, dependency: str, listener: Callable[..., Any]) -> None:
        super().__init__(
            f"Missing messagebus dependency {dependency!r}",
            advice=f"The listener {_name(listener)} has a parameter of this name. Pass it to the "
            f"bus ({dependency}=...) or to handle, or give the parameter a default.",
        )
        self.dependency = dependency
        self.listener = listener


class UnexpectedDependencyError(MessageBusError, TypeError):
    """A call of *handle* passes a dependency that no listener of the bus asks for.

    Attributes:
        dependencies: the names that no listener asks for.
        known: the names that listeners ask for, sorted.
    """

    def __init__(self, dependencies: Iterable[str], known: Iterable[str]) -> None:
        self.dependencies: tuple[str, ...] = tuple(dependencies)
        self.known: tuple[str, ...] = tuple(sorted(known))
        unknown = ", ".join(map(repr, self.dependencies))
        super().__init__(f"No listener of the bus asks for the dependency {unknown}")
        asked = ", ".join(map(repr, self.known)) or "nothing"
        self.add_note(f"Listeners ask for: {asked}. Correct the name, or leave the argument out.")


class UnhandledCommandWarning(RuntimeWarning):
    """A command that no listener handles, and that is not published either, went nowhere.

    Attributes:
        command: the command.
    """

    def __init__(self, command: Message[Any]) -> None:
        super().__init__(
            f"{type(command).__qualname__} has no handler and is not published: it went nowhere"
        )
        self.command = command


class CascadeError(MessageBusError, RecursionError):
    """A chain of messages, each raised while the one before it was handled, is too long.

    Attributes:
        max_depth: how many messages the chain may have.
        chain: the message types, from the first message to the one that was refused.
        repeating: the types that occur in the chain more than once, the most frequent first.
    """

    def __init__(self, max_depth: int, chain: Sequence[type[Message[Any]]]) -> None:
        counts = Counter(chain).most_common()
        self.repeating: tuple[type[Message[Any]], ...] = tuple(
            kind for kind, count in counts if count > 1
        )
        names = ", ".join(kind.__qualname__ for kind in self.repeating)
        cause = f"these raise each other: {names}" if names else "no type repeats"
        super().__init__(
            f"A chain of causes is longer than {max_depth} messages; {cause}",
            advice="Break the chain in a listener, or give the bus a larger max_depth.",
        )
        self.max_depth = max_depth
        self.chain: tuple[type[Message[Any]], ...] = tuple(chain)


class DeadlineExceededError(MessageBusError, TimeoutError):
    """A message was not handled by its deadline.

    Args:
        message: see *Attributes*.

    Attributes:
        message: the message that was being handled; None if none was.
    """

    def __init__(self, message: Message[Any] | None = None) -> None:
        what = "A message"
        if message is not None:
            what = f"{type(message).__qualname__} {message.message_id}"
        text = f"{what} was not handled by its deadline"
        super().__init__(text, advice="The transaction has been rolled back.")
        self.message = message


class PublishError(MessageBusError, RuntimeError):
    """The transport failed after the commit, which stands.

    The messages stay buffered in the eventstore. The next call of *publish_eventstream*, or the
    next commit that publishes, sends them first. The cause is the error of the transport.

    Attributes:
        messages: the message that failed and those after it, in handling order.
    """

    def __init__(self, messages: Sequence[Message[Any]]) -> None:
        super().__init__(messages, advice="Call publish_eventstream() to send them again.")
        self.messages: tuple[Message[Any], ...] = tuple(messages)

    def __str__(self) -> str:
        # Not built in advance: the repr of a user's object may fail.
        failed = self.messages[0]
        return (
            f"The eventstream refused {failed!r}; {len(self.messages)} message(s) of committed "
            f"transactions stay buffered"
        )


class TransportUnavailableError(MessageBusError, ConnectionError):
    """The broker cannot be reached or does not answer. The message is not at fault.

    The sender waits and tries again for as long as it takes. A relay does not count it as an
    attempt, so an outage never parks a backlog.
    """


class TransportRefusedError(TransportUnavailableError):
    """The broker refuses what a transport is configured to do. No message is at fault.

    It refuses the user, or the user lacks a right, or a key holds something else. Trying again
    helps only after a change of the configuration, here or at the broker.
    """


class StreamMissingError(TransportUnavailableError):
    """The stream to which a transport sends does not exist, or does not take its messages yet.

    The note says how to create or change it. Every message would fail alike, so none is parked.

    Args:
        stream: see *Attributes*.
        advice: the next step, which becomes a note.
        problem: the fact, if it is not that the stream does not exist.

    Attributes:
        stream: the name of the stream.
    """

    def __init__(self, stream: str, advice: str, problem: str | None = None) -> None:
        super().__init__(problem or f"There is no stream {stream!r}", advice=advice)
        self.stream = stream


class MessageRejectedError(MessageBusError, ValueError):
    """The broker, or its transport, rejected a message. Sending it again cannot help.

    Attributes:
        message: the serialized message.
        reason: why it was rejected.
    """

    def __init__(self, message: Mapping[str, Any], reason: str) -> None:
        super().__init__(f"The message {message.get('id')} was refused: {reason}")
        self.message = message
        self.reason = reason


class BatchSendError(MessageBusError, RuntimeError):
    """A batch was sent in part. The cause is the error of the message that failed.

    Attributes:
        sent: how many messages at the start of the batch the broker has confirmed. The next one
            failed. Those after it may or may not have been sent.
    """

    def __init__(self, sent: int) -> None:
        super().__init__(f"The batch failed after {sent} message(s)")
        self.sent = sent


class UnstorableMessageError(MessageBusError, ValueError):
    """A message has content that would not come back from the store unchanged.

    Attributes:
        message: the message.
        reason: what is wrong with it.
    """

    def __init__(self, message: Message[Any], reason: str, *, advice: str | None = None) -> None:
        super().__init__(message, reason, advice=advice)
        self.message = message
        self.reason = reason

    def __str__(self) -> str:
        # Not built in advance: the repr of a user's object may fail.
        return f"The message {self.message!r} cannot be stored: {self.reason}"


class DuplicateMessageError(MessageBusError, ValueError):
    """Messages are already in the store, or occur twice in one transaction.

    Attributes:
        message_ids: the identifiers that are taken.
    """

    def __init__(self, message_ids: Sequence[UUID]) -> None:
        ids = ", ".join(map(str, message_ids))
        super().__init__(f"Already stored: {ids}; handle each message once, in one transaction")
        self.message_ids: tuple[UUID, ...] = tuple(message_ids)


class UnknownMessageTypeError(MessageBusError, LookupError):
    """No class is known for the name and version of a message.

    Attributes:
        name: the name of the schema.
        schema_version: its version; None if the type of the message ends in no version.
        message_id: the identifier of the message.
        position: the position of the message in the store; None if it does not come from there.
    """

    def __init__(self, name: str, schema_version: int | None, message_id: UUID) -> None:
        version = "without a version" if schema_version is None else f"version {schema_version}"
        shown = repr(name) if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]!r}..."
        super().__init__(
            f"No class is known for {shown} {version}, the type of the message {message_id}",
            advice="Add its class to the message types, or an upcaster that leads to it.",
        )
        self.name = name
        self.schema_version = schema_version
        self.message_id = message_id
        self.position: int | None = None


class UnreadableMessageError(MessageBusError, ValueError):
    """What was received or stored cannot be read as a message.

    The cause is the error of the class or of the library that reads it, if there is one.

    Args:
        wire: see *Attributes*.
        reason: see *Attributes*.
        message_id: see *Attributes*.
        message_type: see *Attributes*.
        advice: the next step, which becomes a note.

    Attributes:
        wire: the wire message as it was given.
        reason: what is wrong with it.
        message_id: the identifier of the message; None if it has none that can be read.
        message_type: the class of the message; None if it was not found out.
        position: the position of the message in the store; None if it does not come from there.
    """

    def __init__(
        self,
        wire: Any,
        reason: str,
        message_id: UUID | None = None,
        message_type: type[Message[Any]] | None = None,
        *,
        advice: str | None = None,
    ) -> None:
        which = "A message" if message_id is None else f"The message {message_id}"
        kind = "" if message_type is None else f" as {_name(message_type)}"
        super().__init__(f"{which} cannot be read{kind}: {reason}", advice=advice)
        self.wire = wire
        self.reason = reason
        self.message_id = message_id
        self.message_type = message_type
        self.position: int | None = None


class UpcastError(UnreadableMessageError):
    """An upcaster has failed. The cause is its error, if it raised one.

    Attributes:
        name: the name of the schema.
        from_version: the version from which the upcaster leads to the next one.
    """

    def __init__(
        self, wire: Any, message_id: UUID, name: str, from_version: int, reason: str
    ) -> None:
        step = f"the upcaster of {name!r} from version {from_version} to {from_version + 1}"
        super().__init__(wire, f"{step} {reason}", message_id)
        self.name = name
        self.from_version = from_version


class ReplayError(MessageBusError, RuntimeError):
    """A replay cannot go on. What it has committed stays, and it can be resumed.

    Attributes:
        name: the name of the replay.
        reason: why it stopped.
    """

    def __init__(self, name: str, reason: str, *, advice: str | None = None) -> None:
        super().__init__(f"The replay {name!r} has stopped: {reason}", advice=advice)
        self.name = name
        self.reason = reason


class UndeliverableMessageError(MessageBusError, RuntimeError):
    """A relay that stops at undeliverable messages has reached one.

    Attributes:
        message_id: the identifier of the message.
        position: the position of the message in the store.
        attempts: how many times it was tried.
        reason: why the last attempt failed.
    """

    def __init__(self, message_id: UUID, position: int, attempts: int, reason: str) -> None:
        super().__init__(
            f"The message {message_id} at position {position} could not be sent in {attempts} "
            f"attempt(s): {reason}",
            advice="Replay or discard it, or let the relay park undeliverable messages.",
        )
        self.message_id = message_id
        self.position = position
        self.attempts = attempts
        self.reason = reason


class AttemptsExhaustedError(MessageBusError, RuntimeError):
    """Handling of a message has begun as often as it may, and has not ended.

    Attributes:
        message_id: the identifier of the message.
        attempts: how many times handling has begun.
    """

    def __init__(self, message_id: UUID, attempts: int) -> None:
        super().__init__(
            f"Handling of the message {message_id} has begun {attempts} time(s) and never ended",
            advice="It may have ended its process, or taken longer than the broker waits.",
        )
        self.message_id = message_id
        self.attempts = attempts


class BehindDeadLetterError(MessageBusError, RuntimeError):
    """A message must not be handled before a dead letter with the same ordering key.

    Attributes:
        message_id: the identifier of the message.
        ordering_key: the key.
    """

    def __init__(self, message_id: UUID, ordering_key: str | None) -> None:
        super().__init__(
            f"The message {message_id} is behind a dead letter with the ordering key "
            f"{ordering_key!r}",
            advice="Replay or discard that dead letter first, then replay this one.",
        )
        self.message_id = message_id
        self.ordering_key = ordering_key


class ConsumerStoppedError(MessageBusError, RuntimeError):
    """A consumer has stopped at a message that it can neither handle nor put aside.

    Attributes:
        consumer: the name of the consumer.
        message_id: the identifier of the message, which its broker delivers again.
    """

    def __init__(self, consumer: str, message_id: UUID, reason: str, advice: str) -> None:
        super().__init__(
            f"The consumer {consumer!r} has stopped at the message {message_id}: {reason}",
            advice=advice,
        )
        self.consumer = consumer
        self.message_id = message_id


class BacklogStalledError(MessageBusError, TimeoutError):
    """A relay that drains the backlog has waited in vain for the leading relay.

    Attributes:
        holder: the relay that leads, or led last.
        position: the position of the first pending message in the store.
        seconds: how long no message was sent or attempted, in seconds.
    """

    def __init__(self, holder: str, position: int, seconds: float) -> None:
        super().__init__(
            f"The relay {holder} leads and has sent nothing for {seconds:.1f} s; the first pending "
            f"message is at position {position}",
            advice="Look in the log of that relay. Most often, its broker is unreachable.",
        )
        self.holder = holder
        self.position = position
        self.seconds = seconds


class UnknownModelError(MessageBusError, LookupError):
    """A repository in memory has no model with this key.

    Attributes:
        model_type: the class of the model.
        key: the key.
    """

    def __init__(self, model_type: type, key: object) -> None:
        super().__init__(f"No {model_type.__qualname__} has the key {key!r}")
        self.model_type = model_type
        self.key = key


class DuplicateModelError(MessageBusError, ValueError):
    """A repository in memory has a model with this key already.

    Attributes:
        model_type: the class of the model.
        key: the key.
    """

    def __init__(self, model_type: type, key: object) -> None:
        super().__init__(f"Another {model_type.__qualname__} has the key {key!r}")
        self.model_type = model_type
        self.key = key


class ConflictError(MessageBusError, RuntimeError):
    """Another transaction has committed a change of what this one has read or changed.

    Nothing of this transaction is kept. It may succeed in another attempt.

    Attributes:
        keys: the keys of what both have touched.
    """

    def __init__(self, keys: Sequence[object]) -> None:
        listed = ", ".join(map(repr, keys))
        super().__init__(f"Another transaction has committed a change of {listed}")
        self.keys: tuple[object, ...] = tuple(keys)
