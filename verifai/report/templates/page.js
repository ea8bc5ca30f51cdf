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
})();
