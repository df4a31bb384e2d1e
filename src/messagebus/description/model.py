"""The parts of a description. All are plain values, the same for both colours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

Source: TypeAlias = Literal["depends", "bus", "call"]


@dataclass(frozen=True, slots=True)
class DescribedDependency:
    """A dependency of a listener, or of another dependency.

    Attributes:
        parameter: the parameter that it fills.
        source: ``depends`` if a *Depends* declares it, ``bus`` if the bus makes it by its name,
            ``call`` if only a call of *handle* can pass it.
        provider: the module and name of the callable that makes it; None for ``call``.
        replaces: the declared callable, if *provider* overrides it; otherwise None.
        is_required: whether the listener cannot be called without it.
        dependencies: what the callable itself depends on.
    """

    parameter: str
    source: Source
    provider: str | None
    replaces: str | None
    is_required: bool
    dependencies: Sequence[DescribedDependency] = ()

    @property
    def title(self) -> str:
        """The parameter, with a question mark if the listener can go without it."""
        return self.parameter if self.is_required else f"{self.parameter}?"


@dataclass(frozen=True, slots=True)
class DescribedListener:
    """A listener of the bus, or a handler of a consumer that the bus includes.

    Attributes:
        name: its module and name.
        hears: the classes that it names, as source code would spell them; none for an included
            object that takes every event.
        consumer: the class of the consumer that it belongs to; None for a listener of the bus.
        dependencies: its dependencies; None if its annotations cannot be read.
        raises: the modules and names of the messages that it may raise, as far as its code tells:
            see *describe*.
    """

    name: str
    hears: Sequence[str]
    consumer: str | None
    dependencies: Sequence[DescribedDependency] | None
    raises: Sequence[str]


@dataclass(frozen=True, slots=True)
class DescribedMessage:
    """A command or an event.

    Attributes:
        path: the module and name of its class.
        kind: ``command`` or ``event``.
        name: the name of its schema; None if each message brings its own metadata.
        schema_version: the version of its schema; None as well.
        published: whether it goes to the eventstream.
        listeners: the names of those who hear it, in the order of their calls. Of a command, all
            but the first only hear it if those before them refuse its type arguments.
        doc: the first line of its docstring; None without one.
    """

    path: str
    kind: Literal["command", "event"]
    name: str | None
    schema_version: int | None
    published: bool
    listeners: Sequence[str]
    doc: str | None


@dataclass(frozen=True, slots=True)
class Description:
    """What a bus handles.

    Attributes:
        messages: commands first, each kind in the order of names.
        listeners: in the order of registration, those of included consumers last.
    """

    messages: Sequence[DescribedMessage]
    listeners: Sequence[DescribedListener]

    @property
    def titles(self) -> dict[str, str]:
        """The shortest name of each message that no other one has, by its path."""
        ends = {
            each.path: [
                each.path.split(".", cut)[-1] for cut in range(each.path.count("."), -1, -1)
            ]
            for each in self.messages
        }
        counts = Counter(end for each in ends.values() for end in each)
        return {
            path: next((end for end in each if counts[end] == 1), path)
            for path, each in ends.items()
        }

    def as_dict(self) -> dict[str, Any]:
        """Return it as dictionaries, lists and plain values, for JSON."""
        return asdict(self)
