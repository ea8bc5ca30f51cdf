"""What the tests of pages share: a page's elements, as a browser would see them."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import pairwise

VOID = {"meta", "br", "hr", "img", "input", "link", "col", "source"}
SVG_VOID = {"rect", "line", "path", "circle", "polyline", "polygon", "use", "mspace"}


@dataclass
class Element:
    """One start tag, and the text that stands directly or indirectly in it."""

    tag: str
    attributes: dict[str, str]
    text: str = ""


@dataclass
class Page(HTMLParser):
    """All elements of a page in order; refuses tags that are not closed in order."""

    elements: list[Element] = field(default_factory=list)
    open: list[Element] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"{tag}: an attribute twice: {names}"
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open[-1].tag == tag, f"</{tag}> closes <{self.open[-1].tag}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element.text += data

    def all(self, tag: str = "", **attributes: str) -> list[Element]:
        """The elements of this tag that have these attributes."""
        wanted = {name.replace("_", "-"): value for name, value in attributes.items()}
        return [
            e
            for e in self.elements
            if (not tag or e.tag == tag) and wanted.items() <= e.attributes.items()
        ]


def parsed(html: str) -> Page:
    """The page, whose form is checked: closed tags, no name twice, nothing from outside."""
    page = Page()
    page.feed(html)
    page.close()
    assert not page.open, f"<{page.open[-1].tag}> is never closed"
    names = [e.attributes["id"] for e in page.elements if "id" in e.attributes]
    assert len(names) == len(set(names)), "an id twice"
    for element in page.elements:
        for name in ("href", "src"):
            address = element.attributes.get(name, "#")
            assert address.startswith(("#", "data:")), f"{element.tag} asks for {address}"
            if address.startswith("#") and len(address) > 1:
                assert address[1:] in names, f"{address} leads nowhere"
        for name in ("aria-labelledby", "aria-describedby", "aria-controls", "for"):
            for each in element.attributes.get(name, "").split():
                assert each in names, f"{name} of {element.tag} names {each}, which is not there"
        assert not [a for a in element.attributes if a.startswith("on")], "a handler in a tag"
        if element.tag in ("img", "svg"):
            hidden = element.attributes.get("aria-hidden") == "true"
            named = element.attributes.get("alt") or element.attributes.get("aria-label")
            assert hidden or named, f"{element.tag} without a name"
    check_headings(page)
    return page


def check_headings(page: Page) -> None:
    """One h1; no level is left out on the way down."""
    levels = [int(e.tag[1]) for e in page.elements if e.tag in ("h1", "h2", "h3", "h4")]
    assert levels.count(1) == 1
    assert levels[0] == 1
    for before, after in pairwise(levels):
        assert after <= before + 1, f"h{after} under h{before}"
