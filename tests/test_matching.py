"""The objects that an annotation hears."""

from __future__ import annotations

import abc
import sys
import textwrap
from collections import deque
from collections.abc import Callable, Sequence  # noqa: F401 - one is named in text
from dataclasses import dataclass
from typing import (
    Annotated,
    Any,
    Generic,
    Literal,
    NewType,
    Optional,
    ParamSpec,
    Protocol,
    TypeVar,
    Union,
    runtime_checkable,
)

import pytest
from pydantic import BaseModel, ConfigDict
from typing_extensions import TypeAliasType
from typing_extensions import TypeVar as DefaultVariable

from messagebus import event
from messagebus._introspection.signature import parameters
from messagebus._routing.targets import Target, targets
from messagebus.exceptions import ConfigurationError

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")


class User: ...


class Admin(User): ...


class Order: ...


class AdminOrder(Admin, Order): ...


def hears(annotation: Any, instance: object) -> bool:
    """Return whether a handler with this annotation hears the instance."""
    verdicts = [target.match(type(instance)) for target in targets(annotation)]
    return any(each if isinstance(each, bool) else each(instance) for each in verdicts)


# Classes


def test_a_class_hears_itself_and_its_subclasses() -> None:
    """It hears neither its bases nor other classes."""
    assert hears(User, User())
    assert hears(User, Admin())
    assert not hears(Admin, User())
    assert not hears(User, Order())


def test_classes_of_one_name_are_distinct() -> None:
    """Classes are told apart by identity, not by name."""
    namesake = type("User", (), {"__module__": __name__})

    assert not hears(User, namesake())
    assert not hears(namesake, User())


def test_the_verdict_on_a_plain_class_needs_no_instance() -> None:
    """The class alone decides: always or never."""
    [target] = targets(User)

    assert target.match(Admin) is True
    assert target.match(Order) is False


@pytest.mark.parametrize(
    "annotation",
    [
        User | Order,
        Union[User, Order],  # noqa: UP007
        Union[User, Order | None],  # noqa: UP007
        Annotated[User | Order, "extra"],
        Annotated[User, "extra"] | Order,
        TypeAliasType("Alias", Annotated[User, "extra"] | Order),
        TypeVar("Either", User, Order),
        TypeVar("Bound", bound=Union[User, Order]),  # noqa: UP007
    ],
)
def test_unions_are_heard_in_every_spelling(annotation: Any) -> None:
    """Every member is heard: nested, annotated, in an alias, in constraints or in a bound."""
    assert [User, Order] == [
        target.origin for target in targets(annotation) if target.origin is not type(None)
    ]
    assert hears(annotation, Admin())
    assert hears(annotation, Order())
    assert not hears(annotation, "user")


def test_an_optional_class_hears_none() -> None:
    """None in a union means the object None."""
    assert hears(Optional[User], None)  # noqa: UP045
    assert hears(None, None)
    assert not hears(User, None)


@pytest.mark.parametrize("annotation", [Any, object, TypeVar("Free")])
def test_some_annotations_hear_everything(annotation: Any) -> None:
    """Any, object and an unbound type variable exclude nothing."""
    assert hears(annotation, User())
    assert hears(annotation, None)


def test_a_new_type_hears_its_base_type() -> None:
    """At run time, a NewType is its base type."""
    user_id = NewType("user_id", int)

    assert hears(user_id, 3)
    assert not hears(user_id, "3")


def test_a_member_that_is_named_twice_is_heard_once() -> None:
    """A union contains each class once."""
    assert 1 == len(targets(Union[User, Annotated[User, "extra"]]))  # noqa: UP007


@runtime_checkable
class Named(Protocol):
    name: str


@runtime_checkable
class Closing(Protocol):
    def close(self) -> None: ...


class Unchecked(Protocol):
    name: str


class Shape(abc.ABC):
    @abc.abstractmethod
    def draw(self) -> None: ...


def test_protocols_and_abstract_classes_hear_what_conforms() -> None:
    """Classes with the methods, instances with the attributes, and registered classes conform."""

    class WithMethod:
        def close(self) -> None: ...

    class WithAttribute:
        def __init__(self) -> None:
            self.name = "name"

    Shape.register(WithMethod)

    assert hears(Closing, WithMethod())
    assert not hears(Closing, User())
    assert hears(Named, WithAttribute())
    assert not hears(Named, User())
    assert hears(Shape, WithMethod())


@pytest.mark.parametrize("annotation", [Unchecked, Literal["a"], "User", 3, ParamSpec("P"), [User]])
def test_an_annotation_without_instances_is_an_error(annotation: Any) -> None:
    """The error shows the annotation."""
    with pytest.raises(ConfigurationError, match="can be recognized as an instance") as raised:
        targets(annotation)

    assert annotation == raised.value.message_type


def test_a_type_variable_may_have_a_string_as_its_bound() -> None:
    """The name is resolved in the module of the type variable."""
    assert hears(TypeVar("Bound", bound="User"), Admin())
    assert not hears(TypeVar("Bound", bound="User"), Order())


def test_targets_are_displayed_as_annotations() -> None:
    """A target shows its class, and its type arguments if it has any."""
    assert ["User", "Created[User]", "Created[Any]"] == [
        str(target)
        for target in targets(Union[User, Created[User], Created[Any]])  # noqa: UP007
    ]


# Generics: ways to create instances of the same shape


class Created(Generic[T]):
    entity: T

    def __init__(self, entity: T) -> None:
        self.entity = entity


@dataclass
class CreatedData(Generic[T]):
    entity: T


@dataclass(frozen=True)
class CreatedFrozen(Generic[T]):
    entity: T


@dataclass(slots=True)
class CreatedSlots(Generic[T]):
    entity: T


@event
class CreatedEvent(Generic[T]):
    entity: T


@event(frozen=True)
class CreatedFrozenEvent(Generic[T]):
    entity: T


class CreatedModel(BaseModel, Generic[T]):
    model_config = ConfigDict(arbitrary_types_allowed=True, frozen=True)
    entity: T

    def __init__(self, entity: T) -> None:
        super().__init__(entity=entity)


GENERICS: list[Any] = [
    Created,
    CreatedData,
    CreatedFrozen,
    CreatedSlots,
    CreatedEvent,
    CreatedFrozenEvent,
    CreatedModel,
]
REMEMBERING: list[Any] = [Created, CreatedData, CreatedEvent, CreatedFrozenEvent]


@pytest.mark.parametrize("generic", GENERICS)
def test_a_generic_hears_an_instance_by_the_values_of_its_fields(generic: Any) -> None:
    """The field annotated with the type parameter decides, unless the alias is known."""
    assert hears(generic[User], generic(User()))
    assert hears(generic[User], generic(Admin()))
    assert not hears(generic[User], generic(Order()))
    assert not hears(generic[Admin], generic(User()))


@pytest.mark.parametrize("generic", GENERICS)
def test_a_generic_hears_instances_created_through_its_alias(generic: Any) -> None:
    """The alias may also name a subclass of the argument."""
    assert hears(generic[User], generic[User](User()))
    assert hears(generic[User], generic[Admin](Admin()))
    assert not hears(generic[User], generic[Order](Order()))


@pytest.mark.parametrize("generic", REMEMBERING)
def test_the_alias_takes_precedence_over_the_values(generic: Any) -> None:
    """An instance created for a type is for that type, whatever its value."""
    assert hears(generic[User], generic[User](None))
    assert not hears(generic[User], generic[Order](AdminOrder()))


@pytest.mark.parametrize("generic", GENERICS)
def test_values_decide_where_the_alias_is_wider(generic: Any) -> None:
    """An instance created for users may hold an admin."""
    assert hears(generic[Admin], generic[User](Admin()))
    assert not hears(generic[Admin], generic[User](User()))
    assert hears(generic[Admin], generic[User | Order](Admin()))
    assert not hears(generic[Admin], generic[User | Order](Order()))
    assert hears(generic[Admin], generic[Any](Admin()))
    assert not hears(generic[Admin], generic[Any](Order()))


@pytest.mark.parametrize("generic", GENERICS)
def test_a_generic_without_arguments_or_with_open_ones_hears_all(generic: Any) -> None:
    """Nothing restricts a generic without arguments, with Any or with a free type variable."""
    for annotation in (generic, generic[Any], generic[T], generic[object]):
        assert hears(annotation, generic(User()))
        assert hears(annotation, generic[Order](Order()))
        assert not hears(annotation, User())


@pytest.mark.parametrize("generic", GENERICS)
def test_arguments_may_be_unions_and_bounds(generic: Any) -> None:
    """Any member of a union will do; a type variable stands for its bound."""
    assert hears(generic[Admin | Order], generic(Order()))
    assert not hears(generic[Admin | Order], generic(User()))
    assert hears(generic[TypeVar("B", bound=User)], generic(Admin()))
    assert not hears(generic[TypeVar("B", bound=User)], generic(Order()))
    assert hears(generic[Annotated[User, "extra"]], generic(User()))
    assert hears(generic[None], generic(None))
    assert not hears(generic[None], generic(User()))


@pytest.mark.parametrize("generic", GENERICS)
def test_a_class_derived_from_an_alias_is_known_to_be_for_its_type(generic: Any) -> None:
    """The class alone decides whether its instances are heard."""

    class UserCreated(generic[User]):  # type: ignore[misc]
        pass

    class AdminCreated(UserCreated):
        pass

    [for_users], [for_orders] = targets(generic[User]), targets(generic[Order])
    assert for_users.match(UserCreated) is True
    assert for_users.match(AdminCreated) is True
    assert for_orders.match(UserCreated) is False
    assert hears(UserCreated, AdminCreated(User()))
    assert not hears(UserCreated, generic(User()))


@pytest.mark.parametrize("generic", GENERICS)
def test_type_arguments_are_followed_through_subclasses(generic: Any) -> None:
    """A generic subclass may pass its own parameter on, even within another type."""

    class Renamed(generic[V], Generic[V]):  # type: ignore[misc]
        pass

    class Listed(generic[list[V]], Generic[V]):  # type: ignore[misc]
        pass

    assert hears(generic[User], Renamed[User](User()))
    assert hears(generic[User], Renamed(User()))
    assert not hears(generic[User], Renamed(Order()))
    assert not hears(generic[User], Renamed[Order](Order()))
    assert hears(generic[list[User]], Listed([User()]))
    assert not hears(generic[list[User]], Listed([Order()]))
    assert hears(generic[list[User]], Listed[Admin]([Admin()]))
    assert not hears(generic[list[User]], Listed[Order]([Order()]))
    assert not hears(generic[User], Listed([User()]))


def test_a_parametrized_pydantic_model_is_a_class_of_its_own() -> None:
    """The target names this class as well as the one without arguments."""
    [target] = targets(CreatedModel[User])

    assert (CreatedModel[User], CreatedModel, (User,)) == (
        target.declared,
        target.origin,
        target.arguments,
    )
    assert target.match(CreatedModel[User]) is True
    assert target.match(CreatedModel[Admin]) is True
    assert target.match(CreatedModel[Order]) is False


def test_the_target_of_an_alias_declares_the_class() -> None:
    """An alias that is no class is represented by the class without arguments."""
    [target] = targets(Created[User])

    assert Target(Created, Created, (User,)) == target


# Generics: fields of other shapes


def shaped(annotation: Any, value: object) -> tuple[Any, Any]:
    """Return a generic class with a field of that type, and an instance with the value."""

    @dataclass
    class WithField(Generic[T]):
        field: Any

    WithField.__annotations__["field"] = annotation
    return WithField, WithField(value)


@pytest.mark.parametrize(
    ("annotation", "users", "orders"),
    [
        ("list[T]", [User(), Admin()], [User(), Order()]),
        ("list[T]", [], User()),
        ("tuple[T, ...]", (User(),), (Order(),)),
        ("tuple[int, T]", (1, User()), (1, Order())),
        ("tuple[T, T]", (User(), User()), (User(),)),
        ("set[T]", {User()}, {Order()}),
        ("frozenset[T]", frozenset({User()}), frozenset({Order()})),
        ("deque[T]", deque([User()]), deque([Order()])),
        ("deque[T]", deque([User()]), [User()]),
        ("Sequence[T]", [User()], [Order()]),
        ("dict[str, T]", {"a": User()}, {"a": Order()}),
        ("dict[T, str]", {User(): "a"}, {Order(): "a"}),
        ("T | None", None, Order()),
        ("Optional[list[T]]", [User()], [Order()]),
        ("type[T]", Admin, Order),
        ("Annotated[T, 'extra']", User(), Order()),
        ("Created[T]", Created(User()), Created(Order())),
        ("Created[T]", GENERICS[0][User](None), GENERICS[0][Order](None)),
        ("CreatedModel[T]", CreatedModel(User()), CreatedModel(Order())),
        ("list[Created[T]]", [Created(User()), Created(User())], [Created(Order())]),
        ("T | Literal['all']", "all", "none"),
    ],
)
def test_fields_are_searched(annotation: Any, users: object, orders: object) -> None:
    """Values of the type parameter are found in containers, unions and other generics."""
    generic, for_users = shaped(annotation, users)
    assert hears(generic[User], for_users)

    generic, for_orders = shaped(annotation, orders)
    assert not hears(generic[User], for_orders)


class Untouchable(Sequence[User]):
    """A sequence that must not be iterated, such as one that loads its items."""

    def __getitem__(self, index: Any) -> Any:
        raise AssertionError

    def __len__(self) -> int:
        raise AssertionError


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        ("Sequence[T]", Untouchable()),
        (int, 3),
        (Any, Order()),
        ("list", [Order()]),
        ("Callable[[], T]", Order),
        ("Unchecked | T", Order()),
        ("list[Unknown]", [Order()]),
    ],
)
def test_an_unknown_argument_is_a_match(annotation: Any, value: object) -> None:
    """No field has the type parameter, or none that may be searched."""
    generic, instance = shaped(annotation, value)

    assert hears(generic[User], instance)


def test_an_iterator_is_not_consumed() -> None:
    """Searching a field must not change it."""
    generic, instance = shaped("Sequence[T] | Any", iter([Order()]))

    assert hears(generic[User], instance)
    assert 1 == len(list(instance.field))


def test_a_missing_attribute_is_ignored() -> None:
    """A class may have annotations without values."""

    class Empty(Generic[T]):
        entity: T

    assert hears(Empty[User], Empty())


def test_every_type_parameter_must_conform() -> None:
    """A single parameter of another type is enough not to match."""

    @dataclass
    class Moved(Generic[K, V]):
        key: K
        value: V

    assert hears(Moved[str, User], Moved("key", User()))
    assert not hears(Moved[str, User], Moved("key", Order()))
    assert not hears(Moved[str, User], Moved(1, User()))
    assert hears(Moved[Any, User], Moved(1, User()))
    assert hears(Moved[str, User], Moved[str, Any]("key", User()))
    assert not hears(Moved[str, User], Moved[str, Any]("key", Order()))
    assert not hears(Moved[str, User], Moved[int, Any](1, User()))


def test_a_plain_container_is_heard_by_its_items() -> None:
    """Messages may be builtin containers."""
    assert hears(list[User], [User()])
    assert not hears(list[User], [Order()])
    assert hears(list[Any], [Order()])
    assert not hears(list[Any], (Order(),))
    assert hears(dict[str, int], {"a": 1})
    assert not hears(dict[str, int], {"a": "1"})


def test_string_annotations_of_fields_are_resolved() -> None:
    """A local class with postponed annotations knows its own type parameters."""

    @dataclass
    class Local(Generic[T]):
        entity: T
        other: Undefined  # type: ignore[name-defined]  # noqa: F821

    assert {"entity": "T", "other": "Undefined"} == Local.__annotations__
    assert hears(Local[User], Local(User(), 1))
    assert not hears(Local[User], Local(Order(), 1))


def test_a_string_in_an_alias_is_resolved_for_the_handler() -> None:
    """A quoted name is resolved in the namespace of the handler."""

    def handle(made: Created["User"] | None) -> None: ...  # noqa: UP037

    [parameter] = parameters(handle)

    assert hears(parameter.annotation, Created(User()))
    assert not hears(parameter.annotation, Created(Order()))


class Inverted(dict[V, T], Generic[T, V]):
    """A dictionary whose type parameters have another order than those of its base."""


def test_arguments_that_are_no_classes_are_compared_by_values() -> None:
    """Literals and nested generics are compared with the value; unknown arguments match."""
    assert hears(Created[Literal["a"]], Created[str]("a"))
    assert not hears(Created[Literal["a"]], Created[str]("b"))
    assert hears(Created[Created[User]], Created[Created](Created(User())))  # type: ignore[type-arg]
    assert not hears(Created[Created[User]], Created[Created](Created(Order())))  # type: ignore[type-arg]
    assert hears(Created[Unchecked], Created(3))


def test_type_arguments_of_other_shapes_are_told_apart() -> None:
    """The length of a tuple counts; a builtin base does not say which arguments it has."""
    assert not hears(Created[tuple[int, int]], Created[tuple[int, int, int]]((1, 2, 3)))
    assert hears(Created[tuple[int, ...]], Created[tuple[int, int, int]]((1, 2, 3)))
    assert hears(Created[dict[int, str]], Created[Inverted[str, int]](Inverted({1: "a"})))


def test_an_alias_with_parameters_is_expanded() -> None:
    """TypeAliasType is the backport of Python 3.12's type statement."""
    alias = TypeAliasType("alias", Created[T] | None, type_params=(T,))

    assert hears(alias[User], Created(User()))
    assert hears(alias[User], None)
    assert not hears(alias[User], Created(Order()))


def test_an_alias_may_have_unhashable_extras() -> None:
    """The alias that an instance remembers need not be hashable."""
    assert hears(Created[User], Created[Annotated[User, []]](User()))
    assert not hears(Created[Order], Created[Annotated[User, []]](User()))
    assert hears(Created[Annotated[User, []]], Created(User()))


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the syntax is newer")
def test_classes_with_type_parameters_in_brackets_are_generic() -> None:
    """PEP 695: classes, aliases, aliases with parameters."""
    namespace: dict[str, Any] = {
        "__name__": __name__,
        "event": event,
        "dataclass": dataclass,
        "User": User,
    }
    source = """
        from __future__ import annotations
        @event
        class Made[X]:
            entity: X
        class Base[X]:
            entity: X
            def __init__(self, entity): self.entity = entity
        class Sub[Y](Base[list[Y]]): ...
        type ForUsers = Made[User]
        type For[Z] = Made[Z] | None
    """
    exec(textwrap.dedent(source), namespace)  # noqa: S102
    made, base, sub = namespace["Made"], namespace["Base"], namespace["Sub"]

    for annotation in (made[User], namespace["ForUsers"], namespace["For"][User]):
        assert hears(annotation, made(User()))
        assert hears(annotation, made[Admin](None))
        assert not hears(annotation, made(Order()))
        assert not hears(annotation, made[Order](None))
    assert hears(namespace["For"][User], None)
    assert hears(base[list[User]], sub([User()]))
    assert not hears(base[list[User]], sub([Order()]))
    assert hears(base[list[User]], sub[User](None))


First = DefaultVariable("First", default=User)
Second = DefaultVariable("Second", default=First)


class Pair(Generic[First, Second]):
    first: First
    second: Second

    def __init__(self, first: First, second: Second) -> None:
        self.first, self.second = first, second


class BelowPair(Pair): ...


# To mypy, the class of *First* is the one of `typing`, which the alias does not take.
Default: Any = TypeAliasType(
    "Default",
    Created[First],
    type_params=(First,),  # type: ignore[arg-type]
)
Both: Any = TypeAliasType(
    "Both",
    Pair[First, Second],
    type_params=(First, Second),  # type: ignore[arg-type]
)


def test_an_alias_takes_the_defaults_of_its_type_variables() -> None:
    """PEP 696: a default may name a type variable that stands before it."""
    assert hears(Default, Created(User()))
    assert not hears(Default, Created(Order()))
    assert hears(Both, Pair(User(), Admin()))
    assert not hears(Both, Pair(User(), Order()))
    assert hears(Both[Order], Pair(Order(), Order()))
    assert not hears(Both[Order], Pair(Order(), User()))


def test_a_base_without_type_arguments_takes_their_defaults() -> None:
    """PEP 696: a class below it is made for them; an instance of the base may hold anything."""
    below: Any = BelowPair
    assert hears(Pair[User, User], below(None, None))
    assert not hears(Pair[Order, Order], below(None, None))
    assert hears(Pair[Order, Order], Pair(Order(), Order()))
    assert hears(Pair, Pair(Order(), Order()))


@pytest.mark.skipif(sys.version_info < (3, 13), reason="the syntax is newer")
def test_type_parameters_in_brackets_may_have_defaults() -> None:
    """PEP 696, in the syntax of PEP 695."""
    namespace: dict[str, Any] = dict(globals())
    exec("type Default[X = User] = Created[X]\ntype Late[X = Missing] = Created[X]", namespace)  # noqa: S102

    assert hears(namespace["Default"], Created(User()))
    assert not hears(namespace["Default"], Created(Order()))
    assert hears(namespace["Late"][Order], Created(Order()))
