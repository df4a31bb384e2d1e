"""The pages of the dead letters: lists, one letter, and what is done with it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeAlias

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..adapters.sqlalchemy import AsyncDeadLetters, Replayed, StoredDeadLetter
from ..exceptions import ConfigurationError
from .confirmation import Question, unconfirmed
from .display import compact, pretty
from .queries import letters_of_consumers
from .search import number, position, search_letters
from .site import Site, go_to, log, missing, visit_of

Replay: TypeAlias = Callable[..., Awaitable[Replayed]]
"""Handles dead letters again, with the bus and the unit of work of the application."""

_PAGE = 50
_LAST = str(2**63 - 1)
_ACTIONS = ("replay", "discard")
_MOST = 100  # letters of one replay, which a browser waits for
_OUTCOMES = ("handled", "failed", "passed_over", "gone")


class LetterPages:
    """The pages of the dead letters.

    Args:
        site: what all pages share.
        letters: the dead letters.
        replay: handles dead letters again; None if the page knows no application.
    """

    def __init__(self, site: Site, letters: AsyncDeadLetters, replay: Replay | None) -> None:
        self._site = site
        self._letters = letters
        self._replay = replay

    def routes(self) -> Iterator[Route]:
        """Yield the routes."""
        yield Route("/letters", self.list, name="letters")
        yield Route("/letters/{position:str}", self.show, name="letter")
        yield Route("/letters/{position:str}/edit", self.edit, name="edit_letter")
        yield Route("/letters/{position:str}/edit", self.save, methods=["POST"], name="save_letter")
        yield Route("/letters/{action:str}", self.act, methods=["POST"], name="act_on_letters")

    async def list(self, request: Request) -> Response:
        """Show dead letters, the newest first."""
        query = request.query_params
        search = search_letters(query.get)
        before = position(query.get("before") or _LAST)
        found = await self._letters.list(matching=search.matching, before=before, limit=_PAGE + 1)
        return self._site.page(
            request,
            "letters",
            search=search,
            letters=found[:_PAGE],
            consumers=await letters_of_consumers(self._site.engine, self._site.tables),
            can_replay=self._replay is not None,
            next=found[_PAGE - 1].position if len(found) > _PAGE else None,
            is_first="before" not in query,
            notice=query.get("notice", ""),
            outcome={name: number(query.get(name)) for name in (*_OUTCOMES, "count")},
        )

    async def show(self, request: Request) -> Response:
        """Show one dead letter with all that is stored of it."""
        return self._site.page(
            request,
            "letter",
            letter=await self._get(request),
            can_replay=self._replay is not None,
            notice=request.query_params.get("notice", ""),
        )

    async def edit(self, request: Request) -> Response:
        """Show the form that changes what is replayed of a letter."""
        letter = await self._get(request)
        # What nobody could read may be read by whoever repairs it.
        unread = letter.body.decode(errors="backslashreplace")
        payload = unread if letter.message is None else str(letter.message.get("payload", ""))
        return self._form(request, letter, pretty(payload), letter.type or "")

    async def save(self, request: Request) -> Response:
        """Change what is replayed of a letter."""
        letter = await self._get(request)
        visit = visit_of(request)
        payload = visit.form.get("payload").replace("\r\n", "\n")
        kind = visit.form.get("type").strip()
        if "\0" in payload + kind:
            raise HTTPException(400, "The form contains a NUL, which nothing in it may")
        try:
            edited = await self._letters.edit(
                letter.position, payload=compact(payload), type=kind or None
            )
        except ConfigurationError as error:
            return self._form(request, letter, payload, kind, str(error), 422)
        if edited is None:
            missing("dead letter", letter.position)
        details = {"event": "web.letter_edited", "user": visit.user}
        log.info("%s edited the dead letter %d", visit.user, letter.position, extra=details)
        return go_to(request, "letter", {"notice": "edit"}, position=letter.position)

    async def act(self, request: Request) -> Response:
        """Replay or discard letters; ask first if that cannot be undone or seen."""
        action = request.path_params["action"]
        if action not in _ACTIONS:
            missing("action", action)
        visit = visit_of(request)
        form = visit.form
        search = search_letters(form.get)
        positions = [position(each) for each in form.all("positions")]
        is_for_all = bool(form.get("all"))
        if not positions and not is_for_all:
            raise HTTPException(400, "No dead letter is chosen")
        if action == "replay" and self._replay is None:
            text = "This page knows no application that could handle dead letters"
            raise HTTPException(409, text)
        arguments: dict[str, Any]
        if is_for_all:
            selected = await self._letters.select(matching=search.matching)
            count, arguments = selected.count, {"matching": search.matching}
        else:
            selected, count, arguments = None, len(positions), {"positions": positions}
        if is_for_all or action == "discard":
            question = Question(
                action,
                "dead letter",
                target="act_on_letters",
                back="letters",
                count=count,
                selected=selected,
                fields=[*search.fields.items()],
                chosen=[("all", "1")] if is_for_all else [("positions", p) for p in positions],
            )
            if (page := unconfirmed(self._site, request, question)) is not None:
                return page
        outcome = await self._do(action, arguments)
        details = {"event": f"web.letters.{action}", "user": visit.user, **outcome}
        log.info("%s: %s of dead letters: %s", visit.user, action, outcome, extra=details)
        return go_to(request, "letters", {**search.fields, "notice": action, **outcome})

    async def _do(self, action: str, arguments: dict[str, Any]) -> dict[str, int]:
        if action == "discard" or self._replay is None:
            return {"count": await self._letters.discard(**arguments)}
        replayed = await self._replay(**arguments, limit=_MOST)
        return {name: len(getattr(replayed, name)) for name in _OUTCOMES}

    async def _get(self, request: Request) -> StoredDeadLetter:
        text = request.path_params["position"]
        letter = await self._letters.get(position(text))
        if letter is None:
            missing("dead letter", text)
        return letter

    def _form(
        self,
        request: Request,
        letter: StoredDeadLetter,
        payload: str,
        kind: str,
        problem: str = "",
        status: int = 200,
    ) -> Response:
        return self._site.page(
            request,
            "edit_letter",
            status,
            letter=letter,
            payload=payload,
            type=kind,
            problem=problem,
        )
