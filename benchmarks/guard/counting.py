"""Counts what a path executes, which is the same on every machine, however busy.

Instructions are those of the interpreter, in all Python code except pydantic's, which changes with
its releases. Compiled code shows in the calls that enter it, in the calls that it makes and in the
memory that it takes.
"""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections import Counter
from collections.abc import Callable, Coroutine
from pathlib import Path as FilePath
from types import CodeType, FrameType
from typing import Any, NamedTuple, TypeAlias

import pydantic

Prepared: TypeAlias = Callable[[], Coroutine[Any, Any, None] | None]
"""Runs the prepared operations."""
Path: TypeAlias = Callable[[int], Prepared]
"""Prepares a number of operations."""

FEW, MANY = 20, 40

_FOREIGN = str(FilePath(pydantic.__file__).parent)


class Counts(NamedTuple):
    """The cost of one operation on a path.

    Attributes:
        instructions: instructions of the interpreter.
        calls: calls of functions, Python or compiled.
        bytes: peak memory of 20 operations in a row.
    """

    instructions: float
    calls: float
    bytes: float


def counted(path: Path) -> Counts:
    """Count the cost of one operation on a path, without one-time work."""
    few, many = _warmed(path)
    instructions, calls = (
        (count(many) - count(few)) / (MANY - FEW)
        for count in (lambda prepared: _instructions(prepared).total(), _calls)
    )
    return Counts(instructions, calls, _bytes(few))


def located(path: Path) -> dict[str, float]:
    """Return the instructions of one operation by function, largest first."""
    few, many = _warmed(path)
    difference = _instructions(many)
    difference.subtract(_instructions(few))
    return {
        f"{code.co_qualname} ({code.co_filename}:{code.co_firstlineno})": count / (MANY - FEW)
        for code, count in difference.most_common()
        if count
    }


def _warmed(path: Path) -> tuple[Prepared, Prepared]:
    """Prepare few and many operations, and run each twice."""
    few, many = path(FEW), path(MANY)
    for prepared in (many, few, many, few):
        _do(prepared)
    return few, many


def _is_foreign(code: CodeType) -> bool:
    return code.co_filename.startswith(_FOREIGN)


def _do(prepared: Prepared) -> None:
    """Run the operations; drive a coroutine without an event loop, as it never suspends.

    Raises:
        RuntimeError: it suspends.
    """
    waiting = prepared()
    if waiting is None:
        return
    try:
        waiting.send(None)
    except StopIteration:
        return
    waiting.close()
    text = f"{waiting!r} waits for something, which would not be counted"
    raise RuntimeError(text)


def _instructions(prepared: Prepared) -> Counter[CodeType]:
    """Count the instructions of each function."""
    counts = _executed(prepared)
    return Counter({code: count for code, count in counts.items() if not _is_foreign(code)})


def _calls(prepared: Prepared) -> int:
    count = 0

    def called(frame: FrameType, event: str, arg: object) -> None:
        nonlocal count
        if event in {"call", "c_call"} and not _is_foreign(frame.f_code):
            count += 1

    sys.setprofile(called)
    try:
        _do(prepared)
    finally:
        sys.setprofile(None)
    return count


def _bytes(prepared: Prepared) -> int:
    """Return the lowest of some peaks, as the interpreter sometimes allocates ahead."""
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        return min(_peak(prepared) for _ in range(9))
    finally:
        tracemalloc.stop()
        gc.enable()


def _peak(prepared: Prepared) -> int:
    before, _ = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    _do(prepared)
    _, peak = tracemalloc.get_traced_memory()
    return peak - before


if sys.version_info >= (3, 12):

    def _executed(prepared: Prepared) -> Counter[CodeType]:
        counts = Counter[CodeType]()

        def executed(code: CodeType, offset: int) -> None:
            counts[code] += 1

        monitoring = sys.monitoring
        tool = monitoring.PROFILER_ID
        monitoring.use_tool_id(tool, "messagebus guard")
        try:
            monitoring.register_callback(tool, monitoring.events.INSTRUCTION, executed)
            monitoring.set_events(tool, monitoring.events.INSTRUCTION)
            _do(prepared)
        finally:
            monitoring.set_events(tool, monitoring.events.NO_EVENTS)
            monitoring.free_tool_id(tool)
        return counts

else:

    def _executed(prepared: Prepared) -> Counter[CodeType]:
        counts = Counter[CodeType]()

        def entered(frame: FrameType, event: str, arg: object) -> Callable[..., Any]:
            frame.f_trace_opcodes = True
            frame.f_trace_lines = False
            return executed

        def executed(frame: FrameType, event: str, arg: object) -> Callable[..., Any]:
            if event == "opcode":
                counts[frame.f_code] += 1
            return executed

        sys.settrace(entered)
        try:
            _do(prepared)
        finally:
            sys.settrace(None)
        return counts
