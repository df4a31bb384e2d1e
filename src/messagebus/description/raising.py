"""The messages that a listener may raise, as far as its code tells."""

from __future__ import annotations

import dis
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import pairwise
from types import CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple

from .._introspection.definition import find_definition, read_closure
from ..domain.model import GenericModel, Message
from ..service._async.repository import AsyncAbstractRepository
from ..service._async.unit_of_work import AsyncAbstractUnitOfWork
from ..service._sync.repository import SyncAbstractRepository
from ..service._sync.unit_of_work import SyncAbstractUnitOfWork
from ..service.message_types import can_be_made, subclasses

MessageType = type[Message[Any]]

_OWNERS: tuple[type, ...] = (
    GenericModel,
    AsyncAbstractRepository,
    SyncAbstractRepository,
    AsyncAbstractUnitOfWork,
    SyncAbstractUnitOfWork,
)

_VARIABLES = {
    "LOAD_GLOBAL",
    "LOAD_NAME",
    "LOAD_DEREF",
    "LOAD_CLASSDEREF",
    "LOAD_FROM_DICT_OR_DEREF",
}
_ATTRIBUTES = {"LOAD_ATTR", "LOAD_METHOD", "LOAD_SUPER_ATTR"}
_CALLS = {"CALL", "CALL_KW", "CALL_FUNCTION_EX"}
_JUMPS = {*dis.hasjrel, *dis.hasjabs}


class CodeReader:
    """Finds the message classes that code names, and those that the code it calls names.

    Calls are followed by name, without running anything: to functions, to the methods of classes
    that the code names, and to the methods of models, repositories and units of work, because code
    does not tell the class of a local variable. Only those of them count that the module of the
    listener imports, directly or by way of others. A message that the listener makes to return it
    is a result, which the bus does not handle.

    Args:
        parts: classes and functions of the application. Only code in their packages at the top
            is looked at.
    """

    def __init__(self, parts: Iterable[Any]) -> None:
        self._packages = {_package_of(each) for each in parts}
        known = (each for base in _OWNERS for each in subclasses(base, set()))
        self._owners = [each for each in known if self._is_ours(each)]
        self._imports: dict[str, set[str]] = {}

    def raised_by(
        self, listener: Callable[..., Any], hears: Collection[type]
    ) -> Iterator[MessageType]:
        """Yield the messages that a listener may raise, each once.

        Args:
            listener: the listener.
            hears: the classes that it names. That its own code names them again, as in a test for
                one of several classes, says nothing.
        """
        definition, _ = find_definition(listener)
        if definition is None:
            return
        modules = self._imported_by(definition.__module__)
        owners = [each for each in self._owners if each.__module__ in modules]
        waiting = [definition]
        seen: set[object] = set()
        while waiting:
            function = waiting.pop()
            if function.__code__ in seen:
                continue
            seen.add(function.__code__)
            is_listener = function is definition
            for each in _mentioned(function, owners, is_listener=is_listener):
                if _is_a(FunctionType, each):
                    if self._is_ours(each):
                        waiting.append(each)
                elif each not in seen and not (is_listener and each in hears):
                    seen.add(each)
                    yield each

    def _imported_by(self, module: str) -> set[str]:
        """Return a module, and all of the application that it imports, also by way of others."""
        if module in self._imports:
            return self._imports[module]
        found, waiting = {module}, [module]
        while waiting:
            for each in [*vars(sys.modules.get(waiting.pop(), ModuleType(""))).values()]:
                name = None
                if _is_a(ModuleType, each):
                    name = each.__name__
                elif _is_a((type, FunctionType), each):
                    name = each.__module__
                if name not in found and str(name).partition(".")[0] in self._packages:
                    found.add(str(name))
                    waiting.append(str(name))
        self._imports[module] = found
        return found

    def _is_ours(self, thing: Any) -> bool:
        return _package_of(thing) in self._packages


def _mentioned(
    function: FunctionType, others: Iterable[type], *, is_listener: bool
) -> Iterator[Any]:
    """Yield the functions and the messages that the code of a function names.

    Args:
        function: the function.
        others: the classes in which attributes are looked up as well.
        is_listener: whether a message that it returns is a result, which raises nothing.
    """
    reads = [*_reads_in(function.__code__)]
    raising = {each.name for each in reads if not (is_listener and each.is_result)}
    scope = {**function.__globals__, **read_closure(function)}
    owners: list[Any] = [*others]
    for name in {each.name for each in reads if not each.is_attribute and each.name in scope}:
        found = scope[name]
        if _is_a(FunctionType, found) or (_is_message(found) and name in raising):
            yield found
        if _is_a((type, ModuleType), found):
            owners.append(found)
    attributes = {each.name for each in reads if each.is_attribute}
    for owner in owners:
        for name in attributes:
            found = _find(owner, name)
            if _is_a(FunctionType, found) or (_is_message(found) and name in raising):
                yield found


class _Read(NamedTuple):
    """A place in code that reads a name.

    Attributes:
        name: the name.
        is_attribute: whether it is an attribute; otherwise it is a variable.
        is_result: whether it is called, and the function returns what the call returns.
    """

    name: str
    is_attribute: bool
    is_result: bool


def _reads_in(code: CodeType) -> Iterator[_Read]:
    """Yield the variables and the attributes that code reads, including functions inside it."""
    instructions = [*dis.get_instructions(code)]
    for index, each in enumerate(instructions):
        is_attribute = each.opname in _ATTRIBUTES
        if is_attribute or each.opname in _VARIABLES:
            is_result = _is_result(instructions[index:], is_attribute=is_attribute)
            yield _Read(each.argval, is_attribute, is_result)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from (each._replace(is_result=False) for each in _reads_in(constant))


def _is_result(instructions: Sequence[dis.Instruction], *, is_attribute: bool) -> bool:
    """Return whether what the first of some instructions reads is called for a result to return."""
    # How many values the stack has more than before the read. A call takes what it calls and, from
    # above or below it, a NULL.
    depth = int(is_attribute)
    for here, following in pairwise(instructions):
        depth += dis.stack_effect(here.opcode, here.arg, jump=False)
        if here.opname in _CALLS and depth in {0, 1}:
            return following.opname == "RETURN_VALUE"
        if depth < 1 or here.opcode in _JUMPS:
            return False
    return False


def _find(owner: Any, name: str) -> Any:
    """Return what a class or a module has under a name, without running anything."""
    for each in owner.__mro__ if _is_a(type, owner) else (owner,):
        if name in vars(each):
            found = vars(each)[name]
            return found.__func__ if isinstance(found, (staticmethod, classmethod)) else found
    return None


def _is_message(thing: Any) -> bool:
    return _is_a(type, thing) and issubclass(thing, Message) and can_be_made(thing)


def _is_a(kind: type | tuple[type, ...], thing: object) -> bool:
    # Its type decides: a proxy may answer for its class with code that needs a request.
    return issubclass(type(thing), kind)


def _package_of(thing: Any) -> str:
    """Return the package at the top of the module that defines a class or a function."""
    return str(getattr(thing, "__module__", None)).partition(".")[0]
