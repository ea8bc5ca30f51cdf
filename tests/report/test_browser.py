"""Pages in a real browser: clicks, keys, sorting, the slider, colours; no complaint, no request."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flint import fmpq

import verifai as vf
from tests.chromium import Tab, tab
from tests.report.test_proved import HOSTILE, SQUARE, evidence, sum_of_relus
from tests.report.test_refuted import section as digit_section
from tests.report.test_several import ANSWERS, BENCH
from verifai.report.page import page
from verifai.report.proved import Origin, proved
from verifai.report.read import Wanted, sections_of
from verifai.report.refuted import refuted
from verifai.report.undecided import undecided
from verifai.verdict import Counterexample, Unknown

pytestmark = pytest.mark.browser
NAMES = ("proof", "digit", "plane", "bench", "answers", "open", "several")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A page of each kind, all of them with hostile names."""
    folder = tmp_path_factory.mktemp("pages")
    for name, text in (("bench.csv", BENCH), ("answers.csv", ANSWERS)):
        (folder / name).write_text(text.replace("the time is over", HOSTILE), "utf-8")
    proof = proved(*evidence(SQUARE), Origin(f"proof {HOSTILE}"))
    query = vf.in_range(sum_of_relus(HOSTILE), [(-1, 1), (-1, 1)], lower=0, upper="3/2")
    wrong = refuted(query, Counterexample((fmpq(1), fmpq(1)), (), fmpq(0)), Origin(HOSTILE))
    unknown = Unknown("gave up", bound=-0.5, open_fraction=0.3)
    sections = {
        "proof": [proof],
        "digit": [digit_section()],
        "plane": [wrong],
        "bench": list(sections_of(folder / "bench.csv", Wanted())),
        "answers": list(sections_of(folder / "answers.csv", Wanted())),
        "open": [undecided(query, unknown, Origin("open"))],
        "several": [proof, digit_section(), wrong],
    }
    for name in NAMES:
        (folder / f"{name}.html").write_text(page(f"{name} {HOSTILE}", sections[name]), "utf-8")
    return {name: folder / f"{name}.html" for name in NAMES}


@pytest.fixture(scope="module")
def browser() -> Iterator[Tab]:
    with tab() as opened:
        yield opened


@pytest.mark.parametrize("name", NAMES)
def test_a_page_opens_in_peace(browser: Tab, pages: dict[str, Path], name: str) -> None:
    browser.complaints.clear()
    browser.requests.clear()
    browser.open(pages[name])
    assert browser.complaints == []
    outside = [r for r in browser.requests if not r.startswith("data:")]
    assert outside == [pages[name].as_uri()]
    assert browser.run("typeof alert") == "function"
    assert browser.run("document.images.length") in (0, 3)
    assert browser.run("[...document.images].every(i => i.naturalWidth > 0)")


WIDE = "document.scrollingElement.scrollWidth - document.documentElement.clientWidth"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_sticks_out(browser: Tab, pages: dict[str, Path], name: str, width: int) -> None:
    browser.prefer("light", width)
    browser.open(pages[name])
    assert browser.run(WIDE) <= 0
    browser.prefer("light")


CONTRAST = """(() => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgb = (colour) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const light = (c) => { const [r, g, b] = c.map((v) => { const s = v / 255;
    return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = (e) => { for (let at = e; at; at = at.parentElement) {
    const c = rgb(getComputedStyle(at).backgroundColor); if (c[3] === 255) return c; }
    return rgb('white'); };
  for (const d of document.querySelectorAll('details')) d.open = true;
  const bad = new Set();
  const walker = document.createTreeWalker(document.querySelector('body'), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    const tag = e.tagName.toUpperCase();
    if (!walker.currentNode.data.trim() || ['SCRIPT', 'STYLE', 'TITLE'].includes(tag)) continue;
    if (e.closest('[hidden]') || !e.getClientRects().length) continue;
    const style = getComputedStyle(e), drawn = e instanceof SVGElement && !(e.closest('math'));
    const front = rgb(drawn ? style.fill : style.color), back = behind(e);
    const [a, b] = [light(front), light(back)].sort((p, q) => q - p);
    const size = parseFloat(style.fontSize), ratio = (a + 0.05) / (b + 0.05);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5))
      bad.add(`${tag}.${e.className.baseVal ?? e.className}: ${ratio.toFixed(2)}`);
  }
  return [...bad];
})()"""


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out(browser: Tab, pages: dict[str, Path], name: str, scheme: str) -> None:
    browser.prefer(scheme)
    browser.open(pages[name])
    assert browser.run(CONTRAST) == []
    browser.prefer("light")


def test_the_theme_is_that_of_the_system_until_it_is_switched(
    browser: Tab, pages: dict[str, Path]
) -> None:
    back = "getComputedStyle(document.body).backgroundColor"
    browser.prefer("dark")
    browser.open(pages["proof"])
    assert browser.run("document.getElementById('theme').textContent") == "Theme: system"
    dark = browser.run(back)
    browser.click("#theme")
    assert browser.run("document.getElementById('theme').textContent") == "Theme: light"
    light = browser.run(back)
    browser.click("#theme")
    assert browser.run(back) == dark != light
    browser.prefer("light")
    assert browser.run(back) == dark
    browser.click("#theme")
    assert browser.run(back) == light
    assert browser.run("document.documentElement.dataset.theme === undefined")


SHOWN = "[...document.querySelectorAll('[role=treeitem]')].filter(e => e.checkVisibility())"
CHOSEN = "document.querySelector('[role=treeitem][aria-selected=true]')"


def test_the_tree_is_walked_with_keys(browser: Tab, pages: dict[str, Path]) -> None:
    browser.open(pages["proof"])
    total = browser.run("document.querySelectorAll('[role=treeitem]').length")
    first = browser.run(f"{SHOWN}.length")
    assert 1 < first < total
    assert browser.run("document.querySelectorAll('[role=treeitem][tabindex=\"0\"]').length") == 1
    browser.run(f"{CHOSEN}.focus()")
    browser.press("ArrowDown")
    assert browser.run(f"document.activeElement === {SHOWN}[1]")
    assert browser.run(f"{CHOSEN} === {SHOWN}[1]")
    browser.press("ArrowLeft")
    assert browser.run("document.activeElement.getAttribute('aria-expanded')") == "false"
    assert browser.run(f"{SHOWN}.length") < first
    browser.press("ArrowRight")
    assert browser.run(f"{SHOWN}.length") == first
    browser.press("End")
    assert browser.run(f"document.activeElement === {SHOWN}.at(-1)")
    browser.press("Enter")
    assert browser.run(f"{SHOWN}.length") > first
    browser.press("Home")
    assert browser.run(f"document.activeElement === {SHOWN}[0]")
    assert browser.run("document.querySelectorAll('[role=treeitem][tabindex=\"0\"]').length") == 1


def test_a_click_in_the_picture_leads_to_the_case(browser: Tab, pages: dict[str, Path]) -> None:
    browser.open(pages["proof"])
    at = browser.run("[...document.querySelectorAll('.icicle rect')].at(-1).dataset.at")
    browser.click(f".icicle rect[data-at='{at}']")
    assert browser.run(f"{CHOSEN}.dataset.at") == at
    assert browser.run(f"{CHOSEN}.checkVisibility()")
    depth = int(browser.run(f"{CHOSEN}.getAttribute('aria-level')"))
    assert browser.run("document.querySelectorAll('.detail li').length") == depth - 1
    assert "closed: bound" in browser.run("document.querySelector('.detail').textContent")


def test_a_click_opens_a_case(browser: Tab, pages: dict[str, Path]) -> None:
    browser.open(pages["proof"])
    before = browser.run(f"{SHOWN}.length")
    browser.click("[role=treeitem][aria-expanded=false]")
    assert browser.run(f"{SHOWN}.length") > before
    assert browser.run(f"{CHOSEN}.getAttribute('aria-expanded')") == "true"


ROWS = "[...document.querySelectorAll('tbody tr')].filter(r => !r.hidden)"


def test_tables_are_sorted_and_filtered(browser: Tab, pages: dict[str, Path]) -> None:
    browser.open(pages["bench"])
    heads = browser.run("[...document.querySelectorAll('thead th')].map(h => h.textContent)")
    at = heads.index("seconds")
    column = f"{ROWS}.map(r => r.cells[{at}].textContent)"
    turned = f"document.querySelectorAll('th')[{at}].getAttribute('aria-sort')"
    button = f"thead th:nth-child({at + 1}) button"
    browser.click(button)
    assert browser.run(column) == ["0.5", "1.5", "10.5", "60.0"]
    assert browser.run(turned) == "ascending"
    browser.click(button)
    assert browser.run(column) == ["60.0", "10.5", "1.5", "0.5"]
    browser.run(
        "(() => { const s = document.querySelector('select'); s.value = 'verified';"
        "s.dispatchEvent(new Event('change')); })()"
    )
    assert browser.run(column) == ["1.5", "0.5"]
    assert browser.run("document.querySelector('[role=status]').textContent") == "2 of 4 rows"
    browser.run("document.querySelector('input[type=search]').focus()")
    browser.call("Input.insertText", text="P2")
    assert browser.run(column) == ["0.5"]


def test_the_slider_goes_from_the_reference_to_the_counterexample(
    browser: Tab, pages: dict[str, Path]
) -> None:
    browser.open(pages["digit"])
    said = "document.querySelector('.way output').textContent"
    pixels = (
        "[...document.querySelector('canvas').getContext('2d').getImageData(0, 0, 8, 8).data]"
        ".filter((_, k) => k % 4 === 0)"
    )
    ring = "Number(document.querySelector('.plane .at').getAttribute('cx'))"
    assert "100 %: the property violated by" in browser.run(said)
    after, end = browser.run(pixels), browser.run(ring)
    browser.run("document.querySelector('input[type=range]').focus()")
    browser.press("Home")
    assert "0 %: the property holds by" in browser.run(said)
    before = browser.run(pixels)
    data = digit_section().way.data["image"]
    for shown, name in ((before, "before"), (after, "after")):
        assert shown == pytest.approx([255 * v for v in data[name]], abs=1)
    assert browser.run(ring) < end
    browser.press("ArrowRight")
    assert browser.run(said).startswith("1 %")
    assert browser.run("document.querySelectorAll('.bars b').length") == 10


def test_the_keyboard_reaches_everything_in_order(browser: Tab, pages: dict[str, Path]) -> None:
    browser.open(pages["several"])
    browser.press("Tab")
    assert browser.run("document.activeElement.className") == "skip"
    seen = []
    for _ in range(8):
        browser.press("Tab")
        seen.append(browser.run("document.activeElement.id || document.activeElement.tagName"))
        outline = "getComputedStyle(document.activeElement).outlineStyle"
        assert browser.run(outline) != "none" or seen[-1] == "main"
    assert seen[0] == "theme"
    assert "s1-q" in seen


def test_those_who_listen_hear_what_it_is(browser: Tab, pages: dict[str, Path]) -> None:
    browser.open(pages["several"])
    browser.run("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    nodes = browser.call("Accessibility.getFullAXTree")["nodes"]
    roles: dict[str, list[str]] = {}
    for node in nodes:
        if not node.get("ignored"):
            name = node.get("name", {}).get("value", "")
            roles.setdefault(node["role"]["value"], []).append(name)
    for role in ("tree", "image", "slider", "button", "table", "region", "main", "status"):
        known = role if role in roles else {"image": "img", "status": "status"}.get(role, role)
        assert known in roles, f"no {role} among {sorted(roles)}"
    for role in ("tree", "treeitem", "image", "img", "slider", "button", "region", "link"):
        assert all(roles.get(role, ["named"])), f"a {role} without a name"
    assert any("MathMLMath" in role or role == "math" for role in roles)
