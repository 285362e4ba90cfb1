// What stands around the map: header, messages, sheets on a phone, printing.

import { readNow } from "./api.js";
import { byId } from "./dom.js";
import { embedded } from "./embedded.js";

/** Write the study's name, date and notice. */
export function showStudy(study, pageName = "一刻钟服务圈覆盖地图") {
  document.title = `${study.name} · ${pageName}`;
  offerPages();
  byId("study-name").textContent = study.name;
  byId("study-meta").textContent = study.asOf ? `评价日期 ${study.asOf}` : "";
  if (study.version) byId("study-meta").title = `成果版本 ${study.version}`;
  const notice = byId("notice");
  notice.textContent = study.notice ?? "";
  notice.hidden = !study.notice;
  byId("colophon").textContent = [
    `制图单位：${study.issuer ?? "未填写"}`,
    `审图号：${study.approvalNumber ?? "未填写"}`,
  ].join("　");
}

/** Show the links to the pages that this visitor's token opens. */
export async function offerPages() {
  const links = [...document.querySelectorAll("[data-needs]")];
  if (embedded || links.length === 0) return;
  try {
    const session = await readNow("session");
    for (const link of links) link.hidden = !session[link.dataset.needs];
  } catch {
    // without an answer they stay hidden
  }
}

/** Count what is being loaded, and show that it is. */
export function createProgress() {
  let waiting = 0;
  return async (promise) => {
    waiting += 1;
    mark(true);
    try {
      return await promise;
    } finally {
      waiting -= 1;
      if (waiting === 0) mark(false);
    }
  };
  function mark(busy) {
    byId("progress").hidden = !busy;
    document.body.setAttribute("aria-busy", String(busy));
    byId("status").textContent = busy ? "正在读取数据" : "数据已就绪";
  }
}

/** Show a message over the map, with something to do about it. */
export function showMessage(text, { action = "重试", onAction } = {}) {
  byId("message-text").textContent = text;
  const button = byId("message-retry");
  button.textContent = action;
  button.onclick = onAction ?? null;
  button.hidden = !onAction;
  byId("message").hidden = false;
}

export function hideMessage() {
  byId("message").hidden = true;
}

/** On a narrow screen the panels are sheets, one open at a time. */
export function wireSheets() {
  const tabs = [...document.querySelectorAll(".tabs [data-sheet]")];
  const open = (name) => {
    for (const tab of tabs) {
      const isOpen = tab.dataset.sheet === name;
      tab.setAttribute("aria-expanded", String(isOpen));
      byId(tab.dataset.sheet).classList.toggle("open", isOpen);
    }
  };
  for (const tab of tabs) {
    tab.addEventListener("click", () =>
      open(tab.getAttribute("aria-expanded") === "true" ? null : tab.dataset.sheet),
    );
  }
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") open(null);
  });
  return { open };
}

/**
 * Fit the map to paper while printing, and back afterwards.
 *
 * `boundsOf()` gives what the paper must show; without it, what the screen shows.
 */
export function wirePrinting(map, boundsOf = () => map.getBounds()) {
  let view = null;
  let copies = [];
  window.addEventListener("beforeprint", () => {
    const bounds = boundsOf();
    view = [map.getCenter(), map.getZoom()];
    document.documentElement.classList.add("printing");
    map.invalidateSize({ animate: false });
    map.fitBounds(bounds, { animate: false });
    copies = copyCanvases(map);
  });
  window.addEventListener("afterprint", () => {
    document.documentElement.classList.remove("printing");
    for (const [canvas, copy] of copies) {
      copy.remove();
      canvas.style.display = "";
    }
    map.invalidateSize({ animate: false });
    map.setView(...view, { animate: false });
  });
  byId("print").addEventListener("click", () => window.print());
}

// Chromium prints a canvas that was cleared as white and hides all beneath it; a copy
// that was only drawn upon stays clear
function copyCanvases(map) {
  const copies = [];
  map.eachLayer((layer) => {
    if (!(layer instanceof window.L.Canvas)) return;
    // what was moved is drawn in the next frame only, which may be too late
    layer._redraw();
    const canvas = layer._container;
    const copy = canvas.cloneNode();
    copy.getContext("2d").drawImage(canvas, 0, 0);
    canvas.after(copy);
    canvas.style.display = "none";
    copies.push([canvas, copy]);
  });
  return copies;
}

/** Copy the address of what is seen. */
export function wireCopying() {
  const button = byId("copy-link");
  const words = button.textContent;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(window.location.href);
      button.textContent = "已复制";
    } catch {
      button.textContent = "请从地址栏复制";
    }
    setTimeout(() => {
      button.textContent = words;
    }, 2000);
  });
}
