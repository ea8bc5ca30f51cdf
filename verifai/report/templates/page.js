"use strict";
(() => {
  const all = (where, what) => Array.from(where.querySelectorAll(what));
  const root = document.documentElement;

  // The theme: what the system says, light, or dark.
  const button = document.getElementById("theme"), themes = ["system", "light", "dark"];
  const keep = (value) => { try { localStorage.setItem("verifai-theme", value); } catch (error) { return; } };
  const kept = () => { try { return localStorage.getItem("verifai-theme"); } catch (error) { return null; } };
  const dress = (theme) => {
    if (theme === "system") { delete root.dataset.theme; } else { root.dataset.theme = theme; }
    button.textContent = "Theme: " + theme;
  };
  let theme = themes.includes(kept()) ? kept() : "system";
  dress(theme);
  button.hidden = false;
  button.addEventListener("click", () => {
    theme = themes[(themes.indexOf(theme) + 1) % 3];
    dress(theme);
    keep(theme);
  });

  // Trees: a flat list whose levels say what is below what.
  const level = (item) => Number(item.getAttribute("aria-level"));
  const isClosed = (item) => item.getAttribute("aria-expanded") === "false";
  const setUp = (tree) => {
    const items = all(tree, "[role=treeitem]"), section = tree.closest("section");
    const path = section.querySelector(".detail .path");
    const rects = new Map(all(section, ".icicle rect").map((rect) => [rect.dataset.at, rect]));
    let current = items[0];
    const parent = (item) => {
      let i = items.indexOf(item);
      while (i >= 0 && level(items[i]) >= level(item)) { i -= 1; }
      return items[i];
    };
    const lineage = (item) => { const found = []; for (let at = item; at; at = parent(at)) { found.unshift(at); } return found; };
    const refresh = () => {
      let most = Infinity;
      for (const item of items) {
        if (level(item) <= most) { most = Infinity; }
        item.hidden = level(item) > most;
        if (!item.hidden && isClosed(item)) { most = level(item); }
      }
    };
    const open = (item, wanted) => {
      if (item.hasAttribute("aria-expanded")) { item.setAttribute("aria-expanded", String(wanted)); refresh(); }
    };
    const tell = (item) => {
      path.replaceChildren();
      const steps = lineage(item).map((each) => each.querySelector(".branch")).filter(Boolean);
      const list = document.createElement("ol");
      for (const step of steps) { const line = document.createElement("li"); line.textContent = step.textContent; list.append(line); }
      const said = document.createElement("p");
      said.textContent = steps.length ? "Holds on this branch:" : "The whole domain.";
      const what = document.createElement("p");
      what.textContent = all(item, ".what, .count").map((part) => part.textContent).join("; ");
      path.append(said, list, what);
    };
    const choose = (item, focus = true) => {
      current.tabIndex = -1;
      for (const each of items) { each.setAttribute("aria-selected", String(each === item)); }
      for (const rect of rects.values()) { rect.classList.remove("at"); }
      rects.get(item.dataset.at)?.classList.add("at");
      current = item;
      item.tabIndex = 0;
      tell(item);
      if (focus) { item.focus(); item.scrollIntoView({ block: "nearest" }); }
    };
    const reveal = (item) => { for (const each of lineage(item).slice(0, -1)) { each.setAttribute("aria-expanded", "true"); } refresh(); choose(item); };
    const keys = {
      ArrowDown: (seen, i) => seen[i + 1], ArrowUp: (seen, i) => seen[i - 1],
      Home: (seen) => seen[0], End: (seen) => seen[seen.length - 1],
      ArrowRight: (seen, i) => { if (isClosed(seen[i])) { open(seen[i], true); return seen[i]; } return seen[i].hasAttribute("aria-expanded") ? seen[i + 1] : null; },
      ArrowLeft: (seen, i) => { if (seen[i].getAttribute("aria-expanded") === "true") { open(seen[i], false); return seen[i]; } return parent(seen[i]); },
      Enter: (seen, i) => { open(seen[i], isClosed(seen[i])); return seen[i]; }, " ": (seen, i) => { open(seen[i], isClosed(seen[i])); return seen[i]; },
    };
    tree.addEventListener("keydown", (event) => {
      if (!(event.key in keys) || event.ctrlKey || event.metaKey || event.altKey) { return; }
      const seen = items.filter((item) => !item.hidden), next = keys[event.key](seen, seen.indexOf(current));
      event.preventDefault();
      if (next) { choose(next); }
    });
    tree.addEventListener("click", (event) => {
      const item = event.target.closest("[role=treeitem]");
      if (item) { const again = item === current; choose(item); if (again || isClosed(item)) { open(item, isClosed(item)); } }
    });
    for (const [at, rect] of rects) { rect.addEventListener("click", () => { const item = items.find((each) => each.dataset.at === at); if (item) { reveal(item); } }); }
    for (const item of items) { if (level(item) > 2 && item.hasAttribute("aria-expanded")) { item.setAttribute("aria-expanded", "false"); } }
    refresh();
    choose(items[0], false);
  };
  all(document, "[role=tree]").forEach(setUp);

  // Tables: sorted by a click on a heading, filtered by text and by verdict.
  const arrange = (box) => {
    const table = box.querySelector("table"), body = table.tBodies[0], heads = all(table, "thead th");
    const text = box.querySelector("input"), verdict = box.querySelector("select"), said = box.querySelector("[role=status]");
    const rows = Array.from(body.rows);
    const answers = rows.map((row) => all(row, ".badge").map((badge) => badge.textContent));
    const texts = rows.map((row) => row.textContent.toLowerCase());
    const key = (row, k) => { const found = row.cells[k].dataset.key, number = Number(found === "-inf" ? -Infinity : found); return found === "" || Number.isNaN(number) ? found : number; };
    const compare = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true }));
    const filter = () => {
      const wanted = text.value.toLowerCase();
      let count = 0;
      rows.forEach((row, k) => {
        row.hidden = !texts[k].includes(wanted) || (verdict.value !== "" && !answers[k].includes(verdict.value));
        count += row.hidden ? 0 : 1;
      });
      said.textContent = count === rows.length ? `${count} rows` : `${count} of ${rows.length} rows`;
    };
    heads.forEach((head, k) => head.querySelector("button").addEventListener("click", () => {
      const turn = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      for (const other of heads) { other.setAttribute("aria-sort", "none"); }
      head.setAttribute("aria-sort", turn > 0 ? "ascending" : "descending");
      body.append(...[...body.rows].sort((a, b) => turn * compare(key(a, k), key(b, k))));
    }));
    text.addEventListener("input", filter);
    verdict.addEventListener("change", filter);
  };
  all(document, ".sortable").forEach(arrange);

  // The way from a reference to a counterexample: everything is precomputed, the slider only looks it up.
  const follow = (box) => {
    const data = JSON.parse(document.getElementById(box.dataset.way).textContent);
    const slider = box.querySelector("input"), said = box.querySelector("output"), bars = box.querySelector(".bars");
    const cursor = box.querySelector(".cursor"), ring = box.querySelector(".plane .at"), canvas = box.querySelector("canvas");
    const figures = data.outputs.flat().filter((value) => value !== null);
    const low = Math.min(0, ...figures), high = Math.max(0, ...figures), span = high - low || 1;
    const rows = data.names.map((name, k) => {
      const cells = ["b", "i", "span"].map((tag) => document.createElement(tag));
      cells[0].textContent = name;
      cells[1].style.background = `var(--s${k % 10})`;
      bars.append(...cells);
      return cells;
    });
    const paint = (t) => {
      const { shape, before, after, low: black, high: white } = data.image, [channels, height, width] = shape;
      const context = canvas.getContext("2d"), image = context.createImageData(width, height), size = width * height;
      for (let at = 0; at < size; at += 1) {
        for (let c = 0; c < 3; c += 1) {
          const k = at + (channels === 3 ? c * size : 0), value = before[k] + t * (after[k] - before[k]);
          image.data[4 * at + c] = 255 * Math.min(1, Math.max(0, (value - black) / (white - black || 1)));
        }
        image.data[4 * at + 3] = 255;
      }
      context.putImageData(image, 0, 0);
    };
    const update = () => {
      const place = Number(slider.value), t = place / 100, margin = data.margins[place];
      const state = margin === null ? "not finite" : margin >= 0 ? `violated by ${margin}` : `holds by ${-margin}`;
      said.textContent = `${place} %: the property ${state}`;
      slider.setAttribute("aria-valuetext", said.textContent);
      rows.forEach((cells, k) => {
        const value = data.outputs[k][place];
        cells[1].style.marginLeft = `${100 * (Math.min(0, value) - low) / span}%`;
        cells[1].style.width = `${100 * Math.abs(value) / span}%`;
        cells[2].textContent = value === null ? "–" : String(value).replace("-", "−");
      });
      const x = data.span[0] + t * (data.span[1] - data.span[0]);
      cursor.setAttribute("x1", x);
      cursor.setAttribute("x2", x);
      if (ring) { const from = Number(ring.dataset.from); ring.setAttribute("cx", from + t * (Number(ring.dataset.to) - from)); }
      if (canvas && data.image) { paint(t); }
    };
    slider.addEventListener("input", update);
    update();
  };
  all(document, ".way").filter((box) => box.dataset.way).forEach(follow);
})();
