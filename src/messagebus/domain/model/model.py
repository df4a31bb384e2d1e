"""Models: the objects that repositories keep and that raise messages."""

from __future__ import annotations

from collections.abc import MutableSequence, Sequence
from inspect import Signature
from reprlib import recursive_repr
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    ForwardRef,
    Generic,
    LiteralString,
    Self,
    get_args,
    get_origin,
)

from pydantic import (
    BaseModel,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    SkipValidation,
)
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, PydanticCustomError, PydanticUndefined
from pydantic_core.core_schema import no_info_plain_validator_function

from ...exceptions import ConfigurationError
from .class_schema import ShortSignature, change_field, fields_schema, without_fields
from .message import Message, content, hash_of, shown
from .metadata import Metadata, TMetadata

_RAISED = frozenset({"messages"})
_ERROR: LiteralString = "model_messages"
_TEXT: LiteralString = "messages are raised by code, never set by input"


class _Messages(list[Any]):
    """The messages of one model, which another model does not take over."""

    __slots__ = ()
    # Pydantic reads it for each class of models, and parses that of *list* each time.
    __signature__ = Signature()


def _take(value: Any) -> MutableSequence[Any]:
    """Return a list of what code gives to a new model.

    It is not validated further: that would replace a message by one of the annotated class.
    """
    if isinstance(value, _Messages):
        return _Messages()
    if isinstance(value, Sequence) and all(isinstance(each, Message) for each in value):
        return _Messages(value)
    raise PydanticCustomError(_ERROR, _TEXT)


_VALIDATOR = no_info_plain_validator_function(_take)


def _is_list_of_messages(field: FieldInfo) -> bool:
    annotation = field.annotation
    origin = get_origin(annotation) or annotation
    if field.is_required():
        return False  # declared anew, as a field that whoever makes the model must give
    if field.default is not PydanticUndefined and not isinstance(field.default, Sequence):
        return False  # such as a property
    if annotation is Any or isinstance(annotation, (str, ForwardRef)):
        return True
    if not isinstance(origin, type) or not issubclass(list, origin):
        return False
    return all(map(_is_message, get_args(annotation)))


def _is_message(annotation: Any) -> bool:
    arguments = get_args(annotation)
    if isinstance(annotation, type) and not arguments and annotation is not Any:
        return issubclass(annotation, Message)
    return all(map(_is_message, arguments))


class GenericModel(BaseModel, Generic[TMetadata]):
    """Base class of models with a metadata class of your own.

    Two models are equal if they have the same class and the same values; the messages that they
    have raised do not count. A copy of a model has raised none, whichever way it is made.
    """

    # The validator of messages is that of the core schema below.
    messages: MutableSequence[SkipValidation[Message[TMetadata]]] = Field(
        default_factory=_Messages, exclude=True, repr=False
    )
    """
    Messages that the model has raised.

    They are ephemeral: the unit of work collects them, and the bus handles them, as part of
    handling the command that caused them.
    """

    __holds_models__: ClassVar[bool | None] = None

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type[BaseModel], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        schema = handler(source)
        if fields := fields_schema(handler.resolve_ref_schema(schema)):
            change_field(fields, "messages", lambda _declared: _VALIDATOR)
        return schema

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return handler(without_fields(core_schema, _RAISED))

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        cls.__pydantic_on_complete__()

    @classmethod
    def __pydantic_on_complete__(cls) -> None:
        cls.__holds_models__ = None  # not known yet; that of a base class does not count
        ShortSignature.shorten(cls, _RAISED)
        field = cls.model_fields.get("messages")
        if field is None or not _is_list_of_messages(field):
            text = f"{cls} has an attribute 'messages' that is not its list of messages"
            raise ConfigurationError(
                text, advice="Rename it: a model appends the messages that it raises to 'messages'."
            )

    @classmethod
    def model_construct(cls, _fields_set: set[str] | None = None, **values: Any) -> Self:
        """Create a model without validation; see *model_construct* of pydantic."""
        if isinstance(values.get("messages"), _Messages):
            del values["messages"]
        return super().model_construct(_fields_set, **values)

    if not TYPE_CHECKING:  # checkers shall see that pydantic deprecates it

        def copy(self, **options: Any) -> Self:
            """Return a copy; *model_copy* replaces this method of pydantic."""
            copied = super().copy(**options)
            copied.__dict__["messages"] = _Messages()
            return copied

    def __copy__(self) -> Self:
        copied = super().__copy__()
        copied.__dict__["messages"] = _Messages()
        return copied

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        memo = {} if memo is None else memo
        # The copy of the list: an empty one, whatever is in it.
        memo[id(self.__dict__.get("messages", self))] = _Messages()
        return super().__deepcopy__(memo)

    def __getstate__(self) -> dict[Any, Any]:
        state = super().__getstate__()
        values = {name: value for name, value in self.__dict__.items() if name not in _RAISED}
        return {**state, "__dict__": values}

    def __setstate__(self, state: dict[Any, Any]) -> None:
        super().__setstate__(state)
        self.__dict__["messages"] = _Messages()

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return content(self, _RAISED) == content(other, _RAISED)

    def __hash__(self) -> int:
        return hash_of(self, _RAISED)

    @recursive_repr("<...>")
    def __repr__(self) -> str:
        raised = self.__dict__.get("messages")
        waiting = {"message": list(raised)} if raised else {}
        return shown(self, _RAISED, waiting)

    def __str__(self) -> str:
        return repr(self)


if TYPE_CHECKING:
    # A class, because the mypy plugin of pydantic overlooks models that derive from an alias.
    class Model(GenericModel[Metadata]):
        """A model whose messages have the default metadata."""
else:
    Model = GenericModel[Metadata]
