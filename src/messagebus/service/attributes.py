"""How attributes come to an object, besides by assignment."""

from __future__ import annotations

from types import (
    BuiltinFunctionType,
    ClassMethodDescriptorType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    WrapperDescriptorType,
)

_MAKE_NONE = frozenset(
    {
        BuiltinFunctionType,
        ClassMethodDescriptorType,
        FunctionType,
        GetSetDescriptorType,
        MemberDescriptorType,
        MethodDescriptorType,
        WrapperDescriptorType,
        classmethod,
        staticmethod,
    }
)


def slots_of(cls: type) -> tuple[MemberDescriptorType, ...]:
    """Return the slots of a class and of its bases."""
    return tuple(
        each
        for base in cls.__mro__
        for each in vars(base).values()
        if isinstance(each, MemberDescriptorType)
    )


def makes_attributes(cls: type) -> bool:
    """Tell whether to read from an object may set an attribute of it, past its *__setattr__*.

    It may where a class says what happens then: in a property, in a descriptor such as
    *functools.cached_property*, or in *__getattr__*.
    """
    return hasattr(cls, "__getattr__") or any(
        hasattr(type(each), "__get__") and type(each) not in _MAKE_NONE
        for base in cls.__mro__
        for each in vars(base).values()
    )
