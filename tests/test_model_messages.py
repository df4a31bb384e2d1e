"""The messages of a model: no part of its data, whatever is done to the model."""

from __future__ import annotations

import copy
import inspect
import pickle
import sys
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from messagebus import ConfigurationError, Event, Message, Metadata, Model
from tests.library import Book, BookRegistered, Created


class Shelf(Model):
    """A model that holds another one."""

    name: str = "A"
    book: Book | None = None


class Revalidated(Shelf):
    """A model that is copied whenever it is validated."""

    model_config = ConfigDict(revalidate_instances="always", from_attributes=True)


class Open(Shelf):
    """A model that keeps unknown fields and validates assignments."""

    model_config = ConfigDict(extra="allow", validate_assignment=True)


class View(Model):
    """A model that is made from the attributes of another one."""

    name: str


WAYS: dict[str, Callable[[Any], Any]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "deepcopy of a list of them": lambda model: copy.deepcopy([model])[0],
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),  # noqa: S301
    "pickle of the first protocol": lambda model: pickle.loads(pickle.dumps(model, 0)),  # noqa: S301
    "model_copy": lambda model: model.model_copy(),
    "deep model_copy": lambda model: model.model_copy(deep=True),
    "model_copy with an update": lambda model: model.model_copy(update={"name": "B"}),
    "deep model_copy with an update": (
        lambda model: model.model_copy(deep=True, update={"name": "B"})
    ),
    "its dictionary as keywords": lambda model: type(model)(**dict(model)),
    "its attributes as keywords": lambda model: type(model)(**vars(model)),
    "its dictionary, validated": lambda model: type(model).model_validate(dict(model)),
    "its dump as keywords": lambda model: type(model)(**model.model_dump()),
    "its dump, validated": lambda model: type(model).model_validate(model.model_dump()),
    "its JSON": lambda model: type(model).model_validate_json(model.model_dump_json()),
    "model_construct": lambda model: type(model).model_construct(**dict(model)),
    "its attributes, validated": lambda model: View.model_validate(model, from_attributes=True),
}
if sys.version_info >= (3, 13):
    WAYS["copy.replace"] = lambda model: copy.replace(model, name="B")


@pytest.fixture(params=[Shelf, Revalidated, Open])
def shelf(request: pytest.FixtureRequest) -> Shelf:
    """Return a model with a message, which holds another model with one."""
    shelf: Shelf = request.param(book=Book(id="1"))
    assert shelf.book is not None
    for model in (shelf, shelf.book):
        model.messages.append(BookRegistered(id="1"))
    return shelf


@pytest.mark.parametrize("way", WAYS)
def test_copies_of_a_model_begin_without_messages(shelf: Shelf, way: str) -> None:
    """The original keeps its own, and the two lists are two."""
    copied = WAYS[way](shelf)

    assert copied is not shelf
    assert [] == copied.messages
    copied.messages.append(BookRegistered(id="2"))
    assert [BookRegistered(id="1")] == shelf.messages
    assert [BookRegistered(id="2")] == copied.messages


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("deep", [False, True])
def test_copies_by_the_older_method_of_pydantic_begin_without_messages(
    shelf: Shelf, deep: bool
) -> None:
    """It is deprecated, but it is there."""
    assert [] == shelf.copy(deep=deep).messages
    assert 1 == len(shelf.messages)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, WAYS["pickle"]])
def test_copies_of_models_inside_begin_without_messages(
    shelf: Shelf, duplicate: Callable[[Any], Any]
) -> None:
    """The rule is that of each model, not that of the outermost one."""
    copied = duplicate(shelf)

    assert copied.book is not shelf.book
    assert [] == copied.book.messages


def test_a_copy_does_not_copy_the_messages_first() -> None:
    """A message that cannot be copied or pickled does not matter."""
    shelf = Shelf()
    shelf.messages.append(Created(entity=lambda: None))

    assert [] == copy.deepcopy(shelf).messages
    assert [] == pickle.loads(pickle.dumps(shelf)).messages  # noqa: S301


def test_an_instance_that_is_validated_again_begins_without_messages() -> None:
    """If pydantic copies it; otherwise it is the same model, with its messages."""
    shelf, copied = Shelf(), Revalidated()
    for model in (shelf, copied):
        model.messages.append(BookRegistered(id="1"))

    assert shelf is TypeAdapter(list[Shelf]).validate_python([shelf])[0]
    assert [] == TypeAdapter(list[Revalidated]).validate_python([copied])[0].messages
    assert 1 == len(copied.messages)


@pytest.mark.parametrize(
    "messages", [[{"id": "1"}], ["text"], [None], None, "text", {}, {"id": "1"}, 5]
)
def test_input_never_sets_the_messages_of_a_model(messages: Any) -> None:
    """Plain data are no messages."""
    with pytest.raises(ValidationError, match="raised by code, never set by input"):
        Shelf.model_validate({"messages": messages})
    with pytest.raises(ValidationError, match="raised by code, never set by input"):
        Open().messages = messages
    assert [] == Shelf.model_validate({"messages": []}).messages


def test_code_may_create_a_model_with_messages() -> None:
    """The list is a new one."""
    given: list[Message[Metadata]] = [BookRegistered(id="1")]
    shelf = Shelf(messages=given)

    assert given == shelf.messages
    assert given is not shelf.messages


def test_no_schema_and_no_signature_shows_the_messages() -> None:
    """Neither for input nor for output."""
    assert {"name", "book"} == Shelf.model_json_schema()["properties"].keys()
    assert {"name", "book"} == Shelf.model_json_schema(mode="serialization")["properties"].keys()
    assert ["name", "book"] == list(inspect.signature(Shelf).parameters)


@given(st.builds(Shelf), st.from_type(Shelf))
def test_hypothesis_builds_models(built: Shelf, found: Shelf) -> None:
    """They have raised nothing."""
    assert [] == built.messages == found.messages


def test_frozen_models_can_be_hashed() -> None:
    """Their messages do not count, as they do not for equality."""

    class Page(Model):
        model_config = ConfigDict(frozen=True)
        number: int

    page = Page(number=1)
    page.messages.append(BookRegistered(id="1"))

    assert {Page(number=1)} == {page}
    with pytest.raises(TypeError, match="unhashable type: 'Shelf'"):
        hash(Shelf())


def test_a_model_shows_its_fields_and_the_messages_that_wait() -> None:
    """It is spelled as a message is."""

    class Foo(Model):
        name: str
        secret: str = Field(default="s", repr=False)

    class FooCreated(Event):
        name: str
        metadata: Metadata = Metadata(name="foo_created", schema_version=1)

    class Empty(Model):
        pass

    foo = Foo(name="joe")
    assert "<Foo name='joe'>" == repr(foo) == str(foo)
    foo.messages.append(FooCreated(name="joe"))
    assert "<Foo name='joe' message=[<FooCreated name='joe'>]>" == repr(foo) == str(foo)
    assert "<Empty>" == repr(Empty())


def test_a_model_that_waits_with_itself_is_shown() -> None:
    """A message may hold the model that raised it."""
    shelf = Shelf()
    shelf.messages.append(Created(entity=shelf))

    assert "<Shelf name='A' book=None message=[<Created entity=<...>>]>" == repr(shelf)
    assert "entity=<Shelf" in repr(shelf.messages[0])


REFUSED: dict[str, Callable[[], object]] = {
    "a list of strings": lambda: _declare(list[str]),
    "a string": lambda: _declare(str, "text"),
    "a mapping": lambda: _declare(dict[str, Event]),
    "a tuple": lambda: _declare(tuple[Event, ...]),
    "an optional list": lambda: _declare(list[Event] | None, None),
    "an attribute of the class": lambda: _declare(ClassVar[list[Event]], []),
    "a list that must be given": lambda: _declare(list[Event]),
    "a property": lambda: type("Foo", (Model,), {"messages": property(lambda _self: [])}),
}


def _declare(annotation: Any, default: Any = ...) -> type:
    names: dict[str, Any] = {"__annotations__": {"messages": annotation}, "__module__": __name__}
    return type("Foo", (Model,), names if default is ... else {**names, "messages": default})


@pytest.mark.parametrize("case", REFUSED)
def test_a_field_named_messages_of_another_type_is_refused(case: str) -> None:
    """The class is refused, not the first message that is handled."""
    with pytest.raises(ConfigurationError, match="'messages'") as caught:
        REFUSED[case]()
    assert "Rename it" in caught.value.__notes__[0]


@pytest.mark.parametrize(
    "annotation", [list[Event], list[Message[Any]], list, list[Any], list[BookRegistered | Event]]
)
def test_the_list_of_messages_may_be_declared_anew(annotation: Any) -> None:
    """With a type of messages that is narrower."""
    cls = _declare(annotation, Field(default_factory=list, exclude=True))

    assert [] == cls().messages
