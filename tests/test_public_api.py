"""The names of the API reference: place, parameters, colour, defaults and abstractness."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pydantic
import pytest

import messagebus

REFERENCE = [
    "AbstractMessageSerializer",
    "AsyncAbstractEventstreamTransport",
    "AsyncAbstractRepository",
    "AsyncAbstractUnitOfWork",
    "AsyncEventstoreAbstractRepository",
    "AsyncEventstreamPublisher",
    "AsyncMessageBus",
    "AsyncSinkholeEventstoreRepository",
    "AsyncSinkholeEventstreamTransport",
    "AsyncUnitOfWorkTransaction",
    "Command",
    "Event",
    "Field",
    "GenericCommand",
    "GenericEvent",
    "GenericModel",
    "Message",
    "Metadata",
    "Model",
    "SyncAbstractEventstreamTransport",
    "SyncAbstractRepository",
    "SyncAbstractUnitOfWork",
    "SyncEventstoreAbstractRepository",
    "SyncEventstreamPublisher",
    "SyncMessageBus",
    "SyncSinkholeEventstoreRepository",
    "SyncSinkholeEventstreamTransport",
    "SyncUnitOfWorkTransaction",
    "async_listen",
    "sync_listen",
]

BEYOND = [
    "AsyncDependency",
    "CascadeError",
    "ConfigurationError",
    "Consumer",
    "Dependency",
    "Depends",
    "InvalidMessageError",
    "MessageBusError",
    "MessageSerializer",
    "MissingDependencyError",
    "Producer",
    "Provider",
    "PublishError",
    "Publisher",
    "Returns",
    "ScanError",
    "Service",
    "Subscriber",
    "SyncDependency",
    "TransactionError",
    "TransactionStatus",
    "event",
    "inject",
]

# Class without its colour, method, parameters, whether it is async, whether it is abstract.
METHODS = [
    ("AbstractEventstreamTransport", "send_message_serialized", ["message"], True, True),
    ("AbstractUnitOfWork", "collect_new_events", [], False, False),
    ("AbstractUnitOfWork", "commit", [], True, True),
    ("AbstractUnitOfWork", "rollback", [], True, True),
    ("EventstoreAbstractRepository", "_add", ["message"], True, True),
    ("EventstoreAbstractRepository", "add", ["message"], True, False),
    ("EventstoreAbstractRepository", "publish_eventstream", [], True, False),
    ("EventstreamPublisher", "send_message", ["message"], True, False),
    ("MessageBus", "add_listener", ["msg_type", "callback"], False, False),
    ("MessageBus", "handle", ["message", "uow", "dependencies"], True, False),
    ("MessageBus", "remove_listener", ["msg_type", "callback"], False, False),
    ("MessageBus", "scan", ["mods"], False, False),
    ("SinkholeEventstreamTransport", "send_message_serialized", ["message"], True, False),
    ("UnitOfWorkTransaction", "commit", [], True, False),
    ("UnitOfWorkTransaction", "rollback", [], True, False),
]

CONSTRUCTORS = [
    ("AbstractRepository", {}),
    ("EventstoreAbstractRepository", {"publisher": None}),
    ("SinkholeEventstoreRepository", {"publisher": None}),
    (
        "EventstreamPublisher",
        {"transport": inspect.Parameter.empty, "serializer": messagebus.MessageSerializer},
    ),
    ("UnitOfWorkTransaction", {"uow": inspect.Parameter.empty}),
]

# The module paths in the API reference, and the names that programs import from them.
PATHS = {
    "messagebus.domain.model": ["Message", "Metadata", "Model", "Command", "Event", "TMetadata"],
    "messagebus.service.eventstream": ["AbstractMessageSerializer", "MessageSerializer"],
    "messagebus.service._{colour}.registry": [
        "{Colour}MessageBus",
        "{colour}_listen",
        "ConfigurationError",
    ],
    "messagebus.service._{colour}.unit_of_work": [
        "{Colour}AbstractUnitOfWork",
        "{Colour}UnitOfWorkTransaction",
        "{Colour}EventstoreAbstractRepository",
        "{Colour}SinkholeEventstoreRepository",
        "TransactionError",
        "TransactionStatus",
        "TRepositories",
    ],
    "messagebus.service._{colour}.repository": [
        "{Colour}AbstractRepository",
        "{Colour}EventstoreAbstractRepository",
        "{Colour}SinkholeEventstoreRepository",
        "TModel_contra",
    ],
    "messagebus.service._{colour}.eventstream": [
        "{Colour}AbstractEventstreamTransport",
        "{Colour}EventstreamPublisher",
        "{Colour}SinkholeEventstreamTransport",
    ],
    "messagebus.service._{colour}.dependency": ["{Colour}Dependency", "MissingDependencyError"],
    "messagebus.typing": ["AsyncMessageHandler", "SyncMessageHandler", "TAsyncUow", "TSyncUow"],
}


@pytest.mark.parametrize("name", REFERENCE + BEYOND)
def test_every_name_is_importable_from_the_package(name: str) -> None:
    """The names of the API reference and those that belong to them are public."""
    assert hasattr(messagebus, name)
    assert name in messagebus.__all__


def test_the_public_names_are_sorted_and_exist() -> None:
    """`__all__` is sorted, and each of its names exists."""
    assert sorted(messagebus.__all__) == list(messagebus.__all__)
    assert [] == [name for name in messagebus.__all__ if not hasattr(messagebus, name)]


def test_importing_the_package_does_not_import_asyncio() -> None:
    """A program without an event loop does not pay for one."""
    program = "import sys, messagebus; print('asyncio' in sys.modules)"
    shown = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert "False" == shown.stdout.strip()


def named(function: Callable[..., Any]) -> list[str]:
    """Return the parameters of a function without options, which are ours to add."""
    return [
        each.name
        for each in inspect.signature(function).parameters.values()
        if each.kind is not each.KEYWORD_ONLY or each.default is each.empty
    ]


@pytest.mark.parametrize("colour", ["Async", "Sync"])
@pytest.mark.parametrize(("cls", "name", "parameters", "waits", "abstract"), METHODS)
def test_every_method_matches_the_reference(
    colour: str, cls: str, name: str, parameters: list[str], waits: bool, abstract: bool
) -> None:
    """Names and order of parameters, colour and abstractness are the same."""
    method = getattr(getattr(messagebus, colour + cls), name)

    assert ["self", *parameters] == named(method)
    assert (waits and colour == "Async") == inspect.iscoroutinefunction(method)
    assert abstract == getattr(method, "__isabstractmethod__", False)


@pytest.mark.parametrize("colour", ["Async", "Sync"])
@pytest.mark.parametrize(("cls", "defaults"), CONSTRUCTORS)
def test_every_constructor_matches_the_reference(
    colour: str, cls: str, defaults: dict[str, Any]
) -> None:
    """Parameters and their defaults are the same."""
    parameters = inspect.signature(getattr(messagebus, colour + cls)).parameters

    assert list(defaults) == list(parameters)
    for name, default in defaults.items():
        found = parameters[name].default
        assert found is default or isinstance(found, default)


@pytest.mark.parametrize("colour", ["Async", "Sync"])
def test_the_abstract_classes_have_the_attributes_of_the_reference(colour: str) -> None:
    """The default eventstore is a sinkhole, and a repository has a list of seen models."""
    uow = getattr(messagebus, f"{colour}AbstractUnitOfWork")
    transaction = getattr(messagebus, f"{colour}UnitOfWorkTransaction")
    repository = getattr(messagebus, f"{colour}AbstractRepository")

    assert isinstance(uow.eventstore, getattr(messagebus, f"{colour}SinkholeEventstoreRepository"))
    assert {"status", "uow"} <= set(transaction.__annotations__)
    assert isinstance(transaction.eventstore, property)
    assert [] == repository().seen


def test_the_serializer_is_abstract() -> None:
    """A serializer must define serialize_message(message)."""
    method = messagebus.AbstractMessageSerializer.serialize_message

    assert method.__isabstractmethod__  # type: ignore[attr-defined]
    assert ["self", "message"] == list(inspect.signature(method).parameters)


def test_the_fields_of_messages_and_models_are_those_of_the_reference() -> None:
    """The fields, their order, and whether they are required are the same."""
    assert {"message_id": False, "created_at": False, "metadata": True} == {
        name: field.is_required() for name, field in messagebus.Message.model_fields.items()
    }
    assert {"name": True, "schema_version": True, "published": False} == {
        name: field.is_required() for name, field in messagebus.Metadata.model_fields.items()
    }
    assert {"messages": False} == {
        name: field.is_required() for name, field in messagebus.GenericModel.model_fields.items()
    }
    assert pydantic.Field is messagebus.Field


@pytest.mark.parametrize("colour", ["async", "sync"])
@pytest.mark.parametrize("path", PATHS)
def test_the_module_paths_of_the_reference_hold(path: str, colour: str) -> None:
    """Programs import names and errors from these modules."""
    words = {"colour": colour, "Colour": colour.capitalize()}
    module = importlib.import_module(path.format(**words))

    for name in PATHS[path]:
        assert hasattr(module, name.format(**words))


def test_the_listen_decorators_take_the_wrapped_function() -> None:
    """The parameter has the name in the reference, in both colours."""
    assert ["wrapped"] == named(messagebus.async_listen)
    assert ["wrapped"] == named(messagebus.sync_listen)


def test_known_errors_are_runtime_errors() -> None:
    """Programs may catch RuntimeError, or ValueError for a wrong name."""
    for error in ("ConfigurationError", "TransactionError", "MissingDependencyError"):
        assert issubclass(getattr(messagebus, error), RuntimeError)
    assert issubclass(messagebus.InvalidMessageError, RuntimeError)
    assert issubclass(messagebus.ScanError, ValueError)
    assert issubclass(messagebus.CascadeError, RecursionError)


def test_importing_the_package_imports_only_its_dependencies() -> None:
    """No engine, and no library but pydantic and typing-extensions, is imported unused."""
    program = """
import sys, pydantic, typing_extensions
class Model(pydantic.BaseModel):
    field: int
before = set(sys.modules)
from messagebus import *
new = {name.partition(".")[0] for name in set(sys.modules) - before}
print(sorted(new - sys.stdlib_module_names - {"messagebus", "annotated_types", "typing_inspection"}
    - {name for name in new if name.startswith("pydantic")}))
print([name for name in sys.modules if name.startswith("messagebus.adapters")])
"""
    shown = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert ["[]", "[]"] == shown.stdout.splitlines()
