"""The forms of a page, filled in as a browser without scripts does."""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx


class Forms(HTMLParser):
    """The fields of the forms that are posted, and the buttons that post them.

    Attributes:
        fields: name and value of each field that is sent unless it is changed.
        targets: the address that each button posts to.
        values: name and value of each button that has them.
    """

    def __init__(self, page: httpx.Response) -> None:
        super().__init__()
        self.fields: list[tuple[str, str]] = []
        self.targets: dict[str, str] = {}
        self.values: dict[str, tuple[str, str]] = {}
        self._page = page
        self._action: str | None = None
        self._area: str | None = None
        self._button: dict[str, str | None] | None = None
        self.feed(page.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form" and given.get("method") == "post":
            self._action = given.get("action") or str(self._page.url)
        elif self._action is None:
            return
        elif tag == "input" and given.get("type") != "checkbox":
            self.fields.append((given["name"] or "", given.get("value") or ""))
        elif tag == "button":
            self._button = given
        elif tag == "textarea":
            self._area = given["name"]

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self.fields.append((self._area, data.removeprefix("\n")))
            self._area = None
        if self._button is not None and self._action is not None:
            target = self._button.get("formaction") or self._action
            self.targets[data] = urljoin(str(self._page.url), target)
            if name := self._button.get("name"):
                self.values[data] = (name, self._button.get("value") or "")
            self._button = None

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._action = None


async def press(
    client: httpx.AsyncClient,
    page: httpx.Response,
    button: str,
    *more: tuple[str, str],
    **changed: str,
) -> httpx.Response:
    """Press a button of a page, and follow where it leads."""
    forms = Forms(page)
    fields = [pair for pair in forms.fields if pair[0] not in changed]
    pairs = [*fields, *changed.items(), *more]
    if button in forms.values:
        pairs.append(forms.values[button])
    data: dict[str, list[str]] = {}
    for name, value in pairs:
        data.setdefault(name, []).append(value)
    return await client.post(forms.targets[button], data=data, follow_redirects=True)
