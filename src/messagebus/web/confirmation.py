"""The question before an action that cannot be undone, or whose extent cannot be seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from ..adapters.sqlalchemy import Selected
from .display import plural
from .site import Site, visit_of


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be confirmed.

    Attributes:
        action: what is to be done, such as ``discard``.
        noun: what it is done to, such as ``message``.
        target: the route of the action.
        back: the route of the list.
        count: how many there are.
        selected: the times of the first and the last; None if they are named.
        fields: the fields of the search.
        chosen: the fields that choose what it is done to.
    """

    action: str
    noun: str
    target: str
    back: str
    count: int
    selected: Selected | None
    fields: Sequence[tuple[str, object]]
    chosen: Sequence[tuple[str, object]]

    @property
    def title(self) -> str:
        """The question itself."""
        return f"{self.action.capitalize()} {plural(self.count, self.noun)}?"


def unconfirmed(site: Site, request: Request, question: Question) -> Response | None:
    """Return the page that asks; None if the form of the request says yes.

    Yes holds for the number that was asked about: it may have grown since.
    """
    answer = visit_of(request).form.get("confirmed")
    if answer == str(question.count):
        return None
    return site.page(request, "confirm", question=question, has_changed=bool(answer))
