// The menu of downloads: the report of the chosen area or the whole study, and the map
// as it is chosen, made by the server.

import { address } from "./api.js";
import { byId, make, show } from "./dom.js";
import { hideMessage, showMessage } from "./page.js";

const DRAWN = ["circles", "facilities", "gaps", "roads", "labels"];

/** Make the menu close as menus do. */
export function wireDownloads() {
  const menu = byId("downloads");
  document.addEventListener("click", (event) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary").focus();
    event.stopPropagation();
  });
}

/** Offer what can be downloaded of a view; `place` is the name of its chosen area. */
export function showDownloads(view, place) {
  const within = view.code ?? view.county;
  const code = encodeURIComponent(within ?? "study");
  const words = place ?? "全域";
  const map = {
    service: view.service,
    minutes: view.minutes,
    level: view.code ? null : view.level,
    denominator: view.code ? null : view.denominator,
    variant: view.variant,
    speed: view.indicator == null ? view.speed : null,
    indicator: view.indicator,
    code: within,
    layers: view.layers.filter((name) => DRAWN.includes(name)).join(","),
  };
  show(
    byId("download-list"),
    item(`${words}报告（Word）`, address(`reports/${code}.docx`)),
    item(`${words}报告（Excel）`, address(`reports/${code}.xlsx`)),
    item("当前地图（PNG）", address("maps.png", map)),
    item("当前地图（SVG）", address("maps.svg", map)),
    item("当前图面（单个网页文件）", address("maps.html", wholeView(view))),
  );
}

// everything that the address of the page carries
function wholeView({ layers, off, lat, lng, zoom, base: _base, at: _at, ...view }) {
  return {
    ...view,
    layers: layers.join(","),
    off: off.join(","),
    lat: lat?.toFixed(5),
    lng: lng?.toFixed(5),
    zoom: zoom?.toFixed(2),
  };
}

function item(text, href) {
  const link = make("a", { href, download: "", class: "name", text });
  link.addEventListener("click", (event) => {
    event.preventDefault();
    if (link.getAttribute("aria-disabled") !== "true") fetchFile(link, text);
  });
  return make("li", {}, link);
}

async function fetchFile(link, text) {
  hideMessage();
  link.setAttribute("aria-disabled", "true");
  link.textContent = `${text} 正在生成…`;
  byId("status").textContent = `正在生成：${text}`;
  try {
    const answer = await fetch(link.href);
    if (!answer.ok) throw new Error(await reason(answer));
    save(await answer.blob(), fileName(answer));
    byId("status").textContent = `已生成：${text}`;
  } catch (error) {
    const words = error instanceof TypeError ? "连接不到服务" : error.message;
    showMessage(`${text}：${words}`, { onAction: () => fetchFile(link, text) });
  } finally {
    link.removeAttribute("aria-disabled");
    link.textContent = text;
  }
}

async function reason(answer) {
  try {
    const problem = await answer.json();
    return [problem.title, problem.detail].filter(Boolean).join("，") || "没有生成";
  } catch {
    return "没有生成";
  }
}

function fileName(answer) {
  const name = /filename\*=UTF-8''([^;]+)/.exec(answer.headers.get("content-disposition"));
  return name ? decodeURIComponent(name[1]) : "report";
}

function save(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = make("a", { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
