// Search by name, code, pinyin or initials: a combobox as the ARIA practices describe it.

import { read } from "./api.js";
import { byId, make, show } from "./dom.js";
import { LEVEL_NAMES, nameOf } from "./words.js";

const WAIT_MS = 160;
const MOST_SHOWN = 12;

/** Wire the search box; `pick(division)` is called with what is chosen. */
export function wireSearch(pick) {
  const input = byId("search-input");
  const list = byId("search-list");
  let found = [];
  let active = -1;
  let timer = 0;
  let asked = 0;

  const close = () => {
    list.hidden = true;
    active = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const take = (index) => {
    const division = found[index];
    if (!division) return;
    input.value = division.name;
    close();
    pick(division);
  };
  const mark = (index) => {
    active = index;
    [...list.children].forEach((item, i) => {
      item.setAttribute("aria-selected", String(i === index));
      if (i !== index) return;
      input.setAttribute("aria-activedescendant", item.id);
      item.scrollIntoView({ block: "nearest" });
    });
  };
  const open = (children) => {
    show(list, children);
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    active = -1;
  };
  const search = async () => {
    const q = input.value.trim();
    asked += 1;
    const own = asked;
    if (!q) return close();
    try {
      const body = await read("divisions", { q, limit: MOST_SHOWN, format: "json" });
      if (own !== asked) return undefined;
      // the service puts the best match first
      found = body.items;
      if (found.length === 0) return open([note("没有找到，请换一个名称、拼音或代码")]);
      open(found.map((division, i) => choice(division, i, take)));
      mark(0);
    } catch (error) {
      if (own === asked) open([note(error.message)]);
    }
    return undefined;
  };

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(search, WAIT_MS);
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (list.hidden) search();
      else if (found.length > 0) {
        const step = event.key === "ArrowDown" ? 1 : -1;
        mark((active + step + found.length) % found.length);
      }
    } else if (event.key === "Enter") {
      event.preventDefault();
      take(active < 0 ? 0 : active);
    } else if (event.key === "Escape" && !list.hidden) {
      // only the list: the browser would empty the box as well
      event.preventDefault();
      close();
    }
  });
  input.addEventListener("blur", () => setTimeout(close, 150));
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement?.tagName ?? "");
    if (event.key === "/" && !typing) {
      event.preventDefault();
      input.focus();
    }
  });
}

function choice(division, index, take) {
  return make(
    "li",
    {
      role: "option",
      id: `search-${index}`,
      "aria-selected": "false",
      on: {
        mousedown: (event) => {
          event.preventDefault();
          take(index);
        },
      },
    },
    make("span", { class: "name", text: division.name }),
    make("span", { class: "search-level", text: nameOf(LEVEL_NAMES, division.level) }),
    make("span", { class: "code", text: division.code }),
  );
}

const note = (text) =>
  make("li", { class: "search-note", role: "option", "aria-disabled": "true", text });
