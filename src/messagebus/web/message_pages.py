"""The pages of the outbox: lists of messages, one message, its cascade, and what is done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..adapters.sqlalchemy import AsyncMessageHistory, AsyncOutbox, StoredMessage
from ..adapters.sqlalchemy.tables import DISCARDED, PARKED, PENDING, SENT
from ..exceptions import ConfigurationError
from .cascade import branches_of
from .confirmation import Question, unconfirmed
from .display import compact, pretty
from .queries import letters_of_messages
from .search import identifier, number, position, search_messages
from .site import Site, go_to, log, missing, visit_of

PAGE = 50
"""The most messages on one page."""
_LARGEST_TREE = 500
_LAST = str(2**63 - 1)

STATES: Mapping[str, str] = {
    PARKED: "Parked",
    PENDING: "Pending",
    SENT: "Sent",
    DISCARDED: "Discarded",
    "private": "Not published",
}
"""The titles of the states, by the word in an address."""
ACTIONS: Mapping[str, tuple[str, ...]] = {
    PARKED: ("replay", "discard"),
    PENDING: ("replay", "discard"),  # only what has failed and waits
    SENT: ("resend",),
    DISCARDED: ("replay",),
    "private": (),
}
"""The actions on the messages of a state."""
_FOR_ALL = {("replay", PARKED), ("discard", PARKED), ("resend", SENT)}


class MessagePages:
    """The pages of the outbox.

    Args:
        site: what all pages share.
        outbox: the outbox.
    """

    def __init__(self, site: Site, outbox: AsyncOutbox) -> None:
        self._site = site
        self._outbox = outbox
        self._actions: Mapping[str, Callable[..., Awaitable[int]]] = {
            "replay": outbox.replay,
            "discard": outbox.discard,
            "resend": outbox.resend,
        }

    def routes(self) -> Iterator[Route]:
        """Yield the routes."""
        yield Route("/messages", self.list, name="messages")
        yield Route("/messages/{message_id:uuid}", self.show, name="message")
        yield Route("/messages/{message_id:uuid}/edit", self.edit, name="edit_message")
        yield Route(
            "/messages/{message_id:uuid}/edit", self.save, methods=["POST"], name="save_message"
        )
        yield Route("/messages/{action:str}", self.act, methods=["POST"], name="act_on_messages")
        yield Route("/cascades/{message_id:uuid}", self.tree, name="cascade")
        yield Route("/find", self.find, name="find")

    async def list(self, request: Request) -> Response:
        """Show the messages of one state, the newest first."""
        query = request.query_params
        state = _state(query.get("state"))
        search = search_messages(query.get)
        before = position(query.get("before") or _LAST)
        found = await self._outbox.list(
            None if state == "private" else state,
            matching=search.matching,
            before=before,
            limit=PAGE + 1,
        )
        return self._site.page(
            request,
            "messages",
            state=state,
            states=STATES,
            actions=ACTIONS[state],
            for_all=[each for each in ACTIONS[state] if (each, state) in _FOR_ALL],
            backlog=await self._outbox.backlog(),
            search=search,
            messages=found[:PAGE],
            next=found[PAGE - 1].position if len(found) > PAGE else None,
            is_first="before" not in query,
            notice=query.get("notice", ""),
            count=number(query.get("count")),
        )

    async def show(self, request: Request) -> Response:
        """Show one message with all that is stored of it."""
        message = await self._get(request)
        letters = await letters_of_messages(
            self._site.engine, self._site.tables, [message.message_id]
        )
        return self._site.page(
            request,
            "message",
            message=message,
            actions=_actions(message),
            letters=letters.get(message.message_id, []),
            notice=request.query_params.get("notice", ""),
            count=number(request.query_params.get("count")),
        )

    async def edit(self, request: Request) -> Response:
        """Show the form that changes the payload of a message."""
        message = await self._get(request)
        if message.state not in (PARKED, DISCARDED):
            raise HTTPException(409, "Only a message that is parked or discarded can be edited")
        return self._form(request, message, pretty(message.payload))

    async def save(self, request: Request) -> Response:
        """Change the payload of a message."""
        message = await self._get(request)
        visit = visit_of(request)
        payload = visit.form.get("payload").replace("\r\n", "\n")
        try:
            edited = await self._outbox.edit(message.message_id, compact(payload))
        except ConfigurationError as error:
            return self._form(request, message, payload, str(error), 422)
        if edited is None:
            raise HTTPException(409, "Only a message that is parked or discarded can be edited")
        details = {"event": "web.edited", "user": visit.user}
        log.info("%s edited the message %s", visit.user, message.message_id, extra=details)
        return go_to(request, "message", {"notice": "edit"}, message_id=message.message_id)

    async def act(self, request: Request) -> Response:
        """Replay, discard or resend messages; ask first if that cannot be undone or seen."""
        action = request.path_params["action"]
        if action not in self._actions:
            missing("action", action)
        visit = visit_of(request)
        form = visit.form
        state = _state(form.get("state"))
        search = search_messages(form.get)
        ids = [identifier(each) for each in form.all("ids")]
        is_for_all = bool(form.get("all")) and (action, state) in _FOR_ALL
        if not ids and not is_for_all:
            raise HTTPException(400, "No message is chosen")
        arguments: dict[str, Any]
        if is_for_all:
            selected = await self._outbox.select(state, matching=search.matching)
            count, arguments = selected.count, {"matching": search.matching}
        else:
            selected, count, arguments = None, len(ids), {"message_ids": ids}
        if is_for_all or action == "discard":
            question = Question(
                action,
                "message",
                target="act_on_messages",
                back="messages",
                count=count,
                selected=selected,
                fields=[("state", state), *search.fields.items()],
                chosen=[("all", "1")] if is_for_all else [("ids", each) for each in ids],
            )
            if (page := unconfirmed(self._site, request, question)) is not None:
                return page
        done = await self._actions[action](**arguments)
        details = {"event": f"web.{action}", "user": visit.user, "count": done}
        log.info("%s: %s of %d message(s)", visit.user, action, done, extra=details)
        notice: dict[str, Any] = {"notice": action, "count": done}
        if len(ids) == 1:
            return go_to(request, "message", notice, message_id=ids[0])
        return go_to(request, "messages", {"state": state, **search.fields, **notice})

    async def tree(self, request: Request) -> Response:
        """Show what a message has caused, or the first message of a cascade."""
        id = request.path_params["message_id"]
        engine, tables = self._site.engine, self._site.tables
        history = AsyncMessageHistory(engine, tables=tables)
        messages, is_complete = await history.tree(id, limit=_LARGEST_TREE)
        if not messages:
            missing("message", id)
        return self._site.page(
            request,
            "cascade",
            first=messages[0],
            is_whole=id == messages[0].correlation_id,
            tree=branches_of(messages),
            letters=await letters_of_messages(
                engine, tables, [each.message_id for each in messages]
            ),
            is_complete=is_complete,
        )

    async def find(self, request: Request) -> Response:
        """Lead to the message of an identifier, or to its dead letters."""
        id = identifier(request.query_params.get("id", ""))
        if await self._outbox.get(id) is not None:
            return go_to(request, "message", message_id=id)
        if not await letters_of_messages(self._site.engine, self._site.tables, [id]):
            missing("message", id)
        return go_to(request, "letters", {"message_id": id})

    async def _get(self, request: Request) -> StoredMessage:
        id = request.path_params["message_id"]
        message = await self._outbox.get(id)
        if message is None:
            missing("message", id)
        return message

    def _form(
        self,
        request: Request,
        message: StoredMessage,
        payload: str,
        problem: str = "",
        status: int = 200,
    ) -> Response:
        return self._site.page(
            request, "edit_message", status, message=message, payload=payload, problem=problem
        )


def _state(text: str | None) -> str:
    state = text or PARKED
    if state not in STATES:
        raise HTTPException(400, f"A message is {', '.join(STATES)}")
    return state


def _actions(message: StoredMessage) -> tuple[str, ...]:
    if message.state == PENDING and not message.attempts:
        return ()
    return ACTIONS[message.state or "private"]
