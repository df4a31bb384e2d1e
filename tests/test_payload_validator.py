"""Reading a payload without its envelope, where no code of the class can tell the difference."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

import pytest
from pydantic import (
    AfterValidator,
    AliasChoices,
    AliasPath,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import core_schema

from messagebus import Event, Message, Metadata
from messagebus.domain.model import load_best, loading
from messagebus.domain.model import payload_validator as module
from messagebus.domain.model.identity import uuid7
from messagebus.domain.model.message import NOW
from messagebus.domain.model.payload_validator import payload_validator

ID = UUID("01936f3e-0000-7000-8000-000000000000")


class Lent(Event):
    isbn: str
    metadata: Metadata = Metadata(name="lent", schema_version=1)


class Place(BaseModel):
    shelf: str
    inner: Place | None = None


class Shelved(Lent, extra="forbid"):
    place: Place
    others: list[Place] = Field(default_factory=list, validation_alias="rest")
    options: dict[str, Any] = Field(default={"type": "with-info"})


class Checked(Lent):
    @field_validator("isbn")
    @classmethod
    def strip(cls, value: str) -> str:
        return value.strip()


class Tenancy(Metadata):
    tenant: str = "main"


class OfTenant(Lent):
    metadata: Tenancy = Tenancy(name="lent", schema_version=1)


class Picky(Metadata):
    tenant: str = "main"

    @field_validator("tenant")
    @classmethod
    def find(cls, value: str) -> str:
        return {"main": value}[value]


class OfPicky(Lent):
    metadata: Picky = Picky(name="lent", schema_version=1)


CYCLE: dict[str, Any] = {}
CYCLE["again"] = CYCLE


class Cyclic(Lent):
    model_config = ConfigDict(json_schema_extra=CYCLE)


class Shelf(BaseModel):
    shelf: str = Field(default="none", validation_alias="board")


class Renamed(Lent):
    place: Shelf = Shelf()


class Curious(BaseModel):
    context: str = ""

    def model_post_init(self, context: Any, /) -> None:
        self.context = type(context).__name__


class OfCurious(Lent):
    place: Curious


PLAIN = [Lent, Shelved, Checked, OfTenant, OfPicky, Cyclic, Renamed, OfCurious]


class Before(Lent):
    @model_validator(mode="before")
    @classmethod
    def look(cls, data: Any) -> Any:
        return data


class After(Lent):
    @model_validator(mode="after")
    def look(self) -> Self:
        return self


class Informed(Lent):
    @field_validator("isbn")
    @classmethod
    def look(cls, value: str, info: ValidationInfo) -> str:
        return f"{value} of {info.data['message_id']}"


class Private(Lent):
    _noted: int = 1


class Post(Lent):
    def model_post_init(self, context: Any, /) -> None:
        """Look at the message."""


class Initiated(Lent):
    def __init__(self, **data: Any) -> None:
        super().__init__(**data)


class Extra(Lent, extra="allow"):
    pass


class OverJson(Lent):
    @classmethod
    def model_validate_json(cls, *args: Any, **kwargs: Any) -> Self:
        return super().model_validate_json(*args, **kwargs)


class OfAlias(Lent):
    origin: UUID = Field(validation_alias="message_id")


class OfChoice(Lent):
    origin: UUID = Field(validation_alias=AliasChoices("origin", "message_id"))


class OfPath(Lent):
    source: str = Field(validation_alias=AliasPath("metadata", "name"))


class OfData(Lent):
    again: UUID = Field(default_factory=lambda data: data["message_id"])


class AwareTime(Lent):
    created_at: AwareDatetime = Field(default_factory=lambda: datetime.now(UTC))


class CheckedTime(Lent):
    created_at: Annotated[datetime, AfterValidator(lambda time: time)] = Field(
        default_factory=lambda: datetime.now(UTC)
    )


class OwnIds(Lent):
    message_id: UUID = Field(default_factory=lambda: UUID(int=1))


class Outer(Lent):
    inner: Lent


class Tagged(BaseModel):
    kind: Literal["default"]
    seen: Any = None

    @model_validator(mode="before")
    @classmethod
    def look(cls, value: Any, info: ValidationInfo) -> Any:
        return {**value, "seen": info.data}


class Untagged(BaseModel):
    kind: Literal["other"]


class OfChoices(Lent):
    choice: Tagged | Untagged = Field(discriminator="kind")


class Mixin(BaseModel):
    first: int = 1


class Behind(Lent, Mixin):
    """Has the fields of the envelope behind another one."""


class Unguarded(Lent):
    message_id: Annotated[UUID, AfterValidator(lambda id: id)] = Field(default_factory=uuid7)
    created_at: Annotated[datetime, AfterValidator(lambda time: time)] = Field(default_factory=NOW)

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type[BaseModel], handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return handler(source)


class Static(Lent):
    model_validate_json = staticmethod(Lent.model_validate_json)  # type: ignore[assignment]


class Nameless(Event):
    isbn: str
    metadata: Metadata


SPECIAL = [
    *(Before, After, Informed, Private, Post, Initiated, Extra, OverJson, OfAlias, OfChoice),
    *(OfPath, OfData, AwareTime, CheckedTime, OwnIds, Outer, OfChoices, Behind, Unguarded),
    *(Static, Nameless),
]


@pytest.mark.parametrize("cls", PLAIN)
def test_the_payload_of_a_plain_class_is_read_alone(cls: type[Event]) -> None:
    """Its own code, if there is any, sees one field at a time."""
    assert payload_validator(cls) is not None


@pytest.mark.parametrize("cls", SPECIAL)
def test_a_class_that_could_see_the_envelope_is_read_with_it(cls: type[Event]) -> None:
    """It sees the envelope with the rest, or asks more of it than all messages do."""
    assert payload_validator(cls) is None


def test_a_class_that_is_built_again_is_looked_at_again() -> None:
    """What it consists of may be known only later."""

    class Late(Lent):
        later: Later  # type: ignore[name-defined] # noqa: F821

    assert payload_validator(Late) is None
    Late.model_rebuild(_types_namespace={"Later": int})
    assert payload_validator(Late) is not None


PAYLOADS = [
    '{"isbn": "1 ", "place": {"shelf": "a"}, "rest": [{"shelf": "b", "inner": {"shelf": "c"}}]}',
    '{"isbn": "1", "place": {"shelf": "a"}, "message_id": "01936f3e-0000-7000-8000-00000000ffff"}',
    '{"isbn": "1", "place": {"shelf": "a"}, "message_id": 7, "created_at": 0, "metadata": []}',
    '{"isbn": "1", "place": {"shelf": "a"}, "metadata": {"name": "else", "schema_version": 2}}',
    '{"isbn": "1", "metadata": {"name": "lent", "schema_version": 1, "tenant": "none"}}',
    '{"isbn": "1", "isbn": "2", "place": {"shelf": "a"}, "unknown": 1}',
    '{"isbn": 1, "place": {}}',
    "{}",
    "[]",
    "{",
    "",
    '{"isbn": "\\ud800", "place": {"shelf": "a"}}',
]


def _outcome(read: Callable[[], Message[Any]]) -> Any:
    try:
        message = read()
    except ValidationError as error:
        return error.errors(include_url=False)
    fields = list(vars(message).items())
    return fields, type(message), message.model_fields_set, message.model_dump_json()


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("cls", PLAIN)
def test_it_makes_no_difference_whether_the_payload_is_read_alone(
    cls: type[Event], payload: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither to the message nor to the error."""
    default = cls.model_fields["metadata"].default
    envelope = {"message_id": ID, "created_at": datetime.now(UTC), "metadata": default}

    afterwards = _outcome(lambda: load_best((cls,), payload, envelope))
    monkeypatch.setattr(loading, "payload_validator", lambda _: None)

    assert _outcome(lambda: load_best((cls,), payload, envelope)) == afterwards


def test_what_is_known_of_a_class_ends_with_it() -> None:
    """Classes that a test or a plugin makes can be forgotten."""

    class Passing(Lent):
        pass

    payload_validator(Passing)
    weak = weakref.ref(Passing)
    del Passing
    gc.collect()

    assert weak() is None


class Loan(BaseModel):
    other: Lent


class WithLoan(BaseModel):
    loan: Loan


class Renewed(Lent, WithLoan):
    """Has a message in a field before those of its envelope."""


def test_a_message_within_another_one_keeps_its_envelope_wherever_it_is() -> None:
    """It does not take that of the outer message, whose fields may come later."""
    envelope = {
        "message_id": ID,
        "created_at": NOW(),
        "metadata": Lent.model_fields["metadata"].default,
    }
    inner = '{"isbn": "2", "message_id": "01936f3e-0000-7000-8000-00000000ffff"}'

    read = load_best((Renewed,), f'{{"isbn": "1", "loan": {{"other": {inner}}}}}', envelope)

    assert isinstance(read, Renewed)
    assert UUID("01936f3e-0000-7000-8000-00000000ffff") == read.loan.other.message_id
    assert read.message_id == ID


def test_the_schema_of_a_class_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading it takes longer than a message."""
    validator = payload_validator(Lent)
    monkeypatch.delattr(module, "_payload_validator")

    assert payload_validator(Lent) is validator
