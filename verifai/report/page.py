"""A page: sections put into one HTML file that needs nothing else.

May import: jinja2, the floor's own sections. Must not know: where results come from.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import ClassVar, Protocol

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from verifai import __version__
from verifai.report.overview import overview
from verifai.report.proved import Proved
from verifai.report.refuted import Refuted
from verifai.report.undecided import Undecided

TEMPLATES = Path(__file__).with_name("templates")


class Section(Protocol):
    """What a page can show: data, and the template that knows them."""

    template: ClassVar[str]


def page(title: str, sections: Sequence[Section]) -> str:
    """The page as HTML; whatever text the sections hold is escaped.

    Of several results an overview comes first.
    """
    judged = {
        number: section
        for number, section in enumerate(sections, 2)
        if isinstance(section, Proved | Refuted | Undecided)
    }
    has_overview = len(judged) > 1
    if has_overview:
        sections = [overview(judged), *sections]
    return (
        _environment()
        .get_template("page.html")
        .render(title=title, sections=sections, has_overview=has_overview, version=__version__)
    )


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in ("page.css", "page.js"):
        made.globals[name.replace(".", "_")] = Markup((TEMPLATES / name).read_text("utf-8"))
    return made
