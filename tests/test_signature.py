"""Reading the parameters of callables and their annotations."""

from __future__ import annotations

import functools
import inspect
import runpy
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

import pytest
from pydantic import BaseModel

from messagebus._compat.callables import describe
from messagebus._introspection.signature import EMPTY, Parameter, parameters
from messagebus._routing.targets import targets
from messagebus.exceptions import AnnotationError, ConfigurationError

if TYPE_CHECKING:
    from decimal import Decimal

T = TypeVar("T")


class Book: ...


class Shelf: ...


def resolved(function: Callable[..., Any], **localns: Any) -> dict[str, Any]:
    """Return the resolved annotations of all parameters."""
    return {each.name: each.annotation for each in parameters(function, localns or None)}


def every_kind(
    first: Book,
    /,
    second: Shelf,
    third: int = 3,
    *rest: str,
    fourth: bytes,
    fifth: Book | None = None,
    **others: float,
) -> None:
    """Take parameters of every kind."""


def without_variadic(first: Book, /, second: int = 2, *, third: str = "3") -> None:
    """Take parameters of three kinds."""


def only_keywords(*, first: Book, second: int = 2) -> None:
    """Take keyword-only parameters."""


def nothing() -> None:
    """Take no parameters."""


@pytest.mark.parametrize("function", [every_kind, without_variadic, only_keywords, nothing])
def test_a_function_is_read_as_by_the_standard_library(function: Callable[..., Any]) -> None:
    """Names, kinds and defaults equal those of inspect.signature."""
    expected = [
        (each.name, each.kind, each.default)
        for each in inspect.signature(function).parameters.values()
    ]
    assert expected == [(each.name, each.kind, each.default) for each in parameters(function)]


def test_string_annotations_are_resolved() -> None:
    """Names, within unions too, are resolved in the globals of the function."""
    assert {
        "first": Book,
        "second": Shelf,
        "third": int,
        "rest": str,
        "fourth": bytes,
        "fifth": Book | None,
        "others": float,
    } == resolved(every_kind)


def test_a_parameter_that_collects_arguments_is_variadic() -> None:
    """Only *args and **kwargs are variadic."""
    assert ["rest", "others"] == [each.name for each in parameters(every_kind) if each.variadic]


def test_a_missing_annotation_is_empty() -> None:
    """A parameter without an annotation has the marker of inspect."""
    assert {"book": EMPTY} == resolved(lambda book: book)


def test_extras_of_annotated_are_kept() -> None:
    """An Annotated keeps its extras."""

    def read(book: Annotated[Book, "rare"]) -> None: ...

    assert {"book": Annotated[Book, "rare"]} == resolved(read)


def test_strings_within_an_annotation_are_resolved() -> None:
    """So are quoted names within quotes and within generics."""

    def read(book: Book, books: list[Book]) -> None: ...

    read.__annotations__.update({"book": "'Book'", "books": list["Book"]})

    assert {"book": Book, "books": list[Book]} == resolved(read)


class Reader(Generic[T]):
    class Card:
        """A class that is visible only in the body of another one."""

    def method(self, card: Card, item: T) -> None: ...

    @classmethod
    def made(cls, card: Card) -> None: ...

    @staticmethod
    def free(book: Book) -> None: ...

    def __call__(self, shelf: Shelf) -> None: ...


class Member(Reader[Book]):
    def __init__(self, card: Reader.Card, since: int = 0) -> None: ...


def test_the_bound_parameter_of_a_method_is_left_out() -> None:
    """Bound methods and class methods are read without self and cls."""
    assert {"card": Reader.Card, "item": T} == resolved(Reader[Book]().method)
    assert {"card": Reader.Card, "item": T} == resolved(Member(Reader.Card()).method)
    assert {"card": Reader.Card} == resolved(Reader.made)
    assert {"book": Book} == resolved(Reader.free)


def test_a_callable_object_has_the_parameters_of_its_call() -> None:
    """They are those of its class's __call__."""
    assert {"shelf": Shelf} == resolved(Reader[Book]())


def test_a_class_has_the_parameters_of_its_constructor() -> None:
    """A class is read by its __init__."""
    assert {"card": Reader.Card, "since": int} == resolved(Member)


@dataclass
class Loan:
    book: Book
    days: int = 30


def test_a_generated_constructor_is_read() -> None:
    """Dataclasses and pydantic models may have string annotations in their fields."""

    class Fine(BaseModel):
        days: int

    assert {"book": Book, "days": int} == resolved(Loan)
    assert {"days": int} == resolved(Fine)


def test_a_field_is_resolved_where_it_was_declared() -> None:
    """A dataclass may inherit a field whose names exist only in the module of its base."""
    source = """
        from __future__ import annotations
        from dataclasses import dataclass
        class Hidden: ...
        @dataclass
        class Base:
            hidden: Hidden
    """
    module = type(sys)("tests.hidden")
    sys.modules[module.__name__] = module
    try:
        exec(textwrap.dedent(source), module.__dict__)  # noqa: S102

        @dataclass
        class Derived(module.Base):  # type: ignore[name-defined, misc]
            book: Book

        assert {"hidden": module.Hidden, "book": Book} == resolved(Derived)
    finally:
        del sys.modules[module.__name__]


def test_a_partial_has_the_remaining_parameters() -> None:
    """Bound arguments are left out, or become defaults."""
    partial = functools.partial(without_variadic, Book(), second=5)

    assert [("second", 5), ("third", "3")] == [
        (each.name, each.default) for each in parameters(partial)
    ]
    assert {"second": int, "third": str} == resolved(partial)


def test_a_wrapper_has_the_parameters_of_the_wrapped() -> None:
    """A decorated function is read as itself, in its own module."""

    @functools.wraps(without_variadic)
    def wrapper(*args: Any, **kwargs: Any) -> None: ...

    assert {"first": Book, "second": int, "third": str} == resolved(wrapper)
    assert {"first": Book, "second": int, "third": str} == resolved(functools.partial(wrapper))


def test_a_local_class_is_found_in_the_given_names() -> None:
    """Local names of the caller take precedence over globals."""

    class Book: ...

    def read(book: Book) -> None: ...

    assert {"book": Book} == resolved(read, Book=Book)
    assert {"book": globals()["Book"]} == resolved(read)


def test_local_names_come_last_for_a_function_that_is_not_local() -> None:
    """The meaning of a name in a global function does not depend on the caller."""

    class Other: ...

    assert Book is resolved(every_kind, Book=Other)["first"]


def from_elsewhere(first: tuple[Book, list[Local]]) -> None:  # type: ignore[name-defined]  # noqa: F821
    """Have an annotation with a global name, a builtin, and a name that only the caller knows."""


def test_local_names_do_not_hide_others_in_the_same_annotation() -> None:
    """Only a name that is neither global nor builtin is looked up where the callable is used."""

    class Local: ...

    names = {"Local": Local, "Book": Shelf, "list": set}

    assert {"first": tuple[Book, list[Local]]} == resolved(from_elsewhere, **names)


def test_a_variable_of_an_enclosing_function_is_found() -> None:
    """The closure of the function contains it."""

    class Local: ...

    def read(book: Local) -> type:
        return Local

    assert {"book": Local} == resolved(read)


def test_an_unassigned_variable_is_ignored() -> None:
    """A function may use a variable that is assigned after it."""

    def read(book: Book) -> Any:
        return later

    assert {"book": Book} == resolved(read)
    later = read


def test_a_method_with_only_variadic_parameters_is_read() -> None:
    """`self` may be one of the collected arguments."""

    class Collecting:
        def method(*args: Book) -> None: ...

    method: Any = Collecting().method  # type: ignore[misc]
    assert {"args": Book} == resolved(method)


WITH_TEXT = inspect.Signature(
    [inspect.Parameter("book", inspect.Parameter.POSITIONAL_ONLY, annotation="Book")]
)


def test_a_class_whose_constructor_is_not_written_in_python_is_read() -> None:
    """An exception is an example."""

    class WrittenError(Exception):
        __signature__ = WITH_TEXT

    assert {"book": Book} == resolved(WrittenError)


def test_strings_of_compiled_callables_are_not_resolved() -> None:
    """The origin of their names is unknown."""

    class Odd:
        __call__ = len
        __signature__ = WITH_TEXT

    odd: Any = Odd()
    with pytest.raises(AnnotationError):
        resolved(odd)


def test_a_function_that_was_put_into_a_class_is_read() -> None:
    """It may have another name there."""

    class Patched: ...

    Patched.other = lambda self, book: None  # type: ignore[attr-defined]
    method = Patched().other  # type: ignore[attr-defined]
    method.__func__.__annotations__["book"] = "Book"

    assert {"book": Book} == resolved(method)


def unresolvable(price: Decimal, book: Book) -> Decimal:
    """Take a parameter whose annotation is imported for type checkers only."""
    return price


def test_an_unused_annotation_may_be_unresolvable() -> None:
    """Annotations are resolved on demand, those of results never."""
    price, book = parameters(unresolvable)

    assert "price" == price.name
    assert Book is book.annotation


def test_an_unresolvable_annotation_is_an_error_that_names_everything() -> None:
    """The error names callable, parameter and annotation, and says what to do."""
    with pytest.raises(AnnotationError) as raised:
        parameters(unresolvable)[0].annotation  # noqa: B018

    error = raised.value
    assert (unresolvable, "price", "Decimal") == (error.listener, error.parameter, error.annotation)
    assert "'Decimal' of the parameter 'price' of unresolvable" in str(error)
    assert "TYPE_CHECKING" in error.__notes__[0]
    assert isinstance(error, ConfigurationError)
    assert isinstance(error.__cause__, NameError)


def test_an_invalid_expression_is_an_error() -> None:
    """An annotation must be valid Python."""

    def read(book: Book) -> None: ...

    read.__annotations__["book"] = "Book of"

    with pytest.raises(AnnotationError):
        resolved(read)


def test_a_callable_without_a_signature_is_an_error() -> None:
    """Some builtins have none."""
    with pytest.raises(ConfigurationError, match=r"signature of builtins\.dict cannot be read"):
        parameters(dict)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the syntax is newer")
def test_type_parameters_in_brackets_are_found() -> None:
    """PEP 695: annotations may use the type parameters of a function and of a class."""
    namespace: dict[str, Any] = {"__name__": __name__}
    source = """
        from __future__ import annotations
        def read[B](book: B) -> None: ...
        class Reader[C]:
            def method(self, book: C) -> None: ...
    """
    exec(textwrap.dedent(source), namespace)  # noqa: S102
    read, reader = namespace["read"], namespace["Reader"]

    assert {"book": read.__type_params__[0]} == resolved(read)
    assert {"book": reader.__type_params__[0]} == resolved(reader().method)


@pytest.mark.skipif(sys.version_info < (3, 14), reason="earlier, they are evaluated at once")
def test_annotations_that_are_evaluated_late_are_read_one_by_one() -> None:
    """PEP 649: one with an unknown name does not hide the others, nor names that are local."""
    found: dict[str, Any] = {"__name__": __name__, "Book": Book, "dataclass": dataclass}
    source = """
        class Reader:
            class Card: ...
            def method(self, card: Card, price: Decimal) -> Decimal: ...
        @dataclass
        class Loan:
            book: Book
            price: Decimal
        def make():
            class Local: ...
            def read(local: Local, price: Decimal, /, later: Later) -> None: ...
            return Local, read
        local, read = make()
        class Later: ...
    """
    code = compile(textwrap.dedent(source), "<late>", "exec", dont_inherit=True)
    exec(code, found)  # noqa: S102
    reader = found["Reader"]

    for function, expected in (
        (reader().method, {"card": reader.Card}),
        (found["Loan"], {"book": Book}),
        (found["read"], {"local": found["local"], "later": found["Later"]}),
    ):
        declared = {each.name: each for each in parameters(function)}
        assert expected == {name: declared[name].annotation for name in expected}
        with pytest.raises(AnnotationError, match="name 'Decimal' is not defined"):
            declared["price"].annotation  # noqa: B018


@pytest.mark.parametrize("name", [None, "__main__"])
def test_code_without_a_module_is_read(tmp_path: Path, name: str | None) -> None:
    """What `runpy` has run stays in no module, and what it defined can still be registered."""
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent("""
        from __future__ import annotations
        from dataclasses import dataclass
        from typing import Generic, TypeVar
        T = TypeVar("T")
        class User: ...
        class Created(Generic[T]):
            entity: T
            user: User
            def __init__(self, entity: T, user: User) -> None:
                self.entity = entity
        @dataclass
        class Query(Created[User]):
            user: User
            def read(self) -> User: ...
        def hear(event: Created[User], *, query: Query) -> None: ...
    """)
    )
    found = runpy.run_path(str(program), run_name=name)
    created, user, query = found["Created"], found["User"], found["Query"]

    assert {"event": created[user], "query": query} == resolved(found["hear"])
    assert {"user": user} == resolved(query)
    (target,) = targets(created[user])
    hears: Any = target.match(created)
    assert (True, False) == (hears(created(user(), None)), hears(created(3, None)))


def test_callables_are_described_by_module_and_name() -> None:
    """A partial is described by its function, a callable object by its representation."""
    assert f"{__name__}.Reader.method" == describe(Reader.method)
    assert f"{__name__}.nothing" == describe(functools.partial(nothing))
    assert "3" == describe(3)


def test_parameters_are_values() -> None:
    """Reading a parameter twice gives equal results."""
    first, second = parameters(every_kind)[0], parameters(every_kind)[0]

    assert isinstance(first, Parameter)
    assert (first.name, first.kind, first.declared) == (second.name, second.kind, second.declared)
