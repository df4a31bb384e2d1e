"""Injection in the colour of this folder."""

from __future__ import annotations

from ..._compat.aio import WAITS, adapt, ensure_settled, enter, exit
from ..compiler import Flavour
from ..injection import Injection
from .scope import throw_into


class AsyncInjection(Injection):
    """Calls a function and fills its dependencies, in the colour of this folder."""

    flavour = Flavour(WAITS, adapt, enter, ensure_settled, exit, throw_into)
