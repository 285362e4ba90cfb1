// The panel of a plan: what it reaches, how good it is, its sites and its townships.

import { address } from "./api.js";
import { byId, make, show } from "./dom.js";
import { amount, count, percent } from "./format.js";
import { boundWords, goalWords, points, proofWords, signed } from "./siting_words.js";
import { unitOf } from "./words.js";

/** Before anything is computed: how things stand, and what can be done. */
export function showStart({ record, words }) {
  show(
    byId("results"),
    make("h2", { text: "现状" }),
    record && [
      headline(percent(record.rate), `${words.groupName}覆盖率，${words.limit}`),
      bar(record.total, record.covered, 0),
      facts([
        [`${words.groupName}（总数）`, amount(record.total, words.group), "total"],
        ["已覆盖", amount(record.covered, words.group), "covered"],
        ["未覆盖", amount(left(record), words.group), "out"],
      ]),
    ],
    !record && make("p", { class: "empty", text: "没有这一服务和时限的现状数字。" }),
    make("h3", { text: "怎样选址" }),
    make(
      "ol",
      { class: "steps" },
      ["选服务、时限和目标。", "选候选地点从哪里来。", "按「计算」：得到按建设顺序编号的点位，以及离最优还差多少。", "在地图上拖动任何一个点位，数字随即更新。"].map(
        (text) => make("li", { text }),
      ),
    ),
  );
}

/** A plan; `trial` is the evaluation of moved sites, where there are any. */
export function showPlan(plan, { trial, trialNote, oldNote, words, table, adoption, onSite, onMark, onRestore, onRetry }) {
  const { before, request, id } = plan;
  const after = trial?.after ?? plan.after;
  show(
    byId("results"),
    make("h2", { text: "选址结果" }),
    make("p", { class: "asked", text: `${goalWords(request)} · ${words.limit}` }),
    oldNote && make("p", { class: "flag", text: oldNote }),
    headlineOfPlan(before, after, words),
    bar(after.total, Math.min(before.covered, after.covered), after.covered - before.covered),
    facts([
      [`${words.groupName}（总数）`, amount(after.total, words.group), "total"],
      ["建设前覆盖", amount(before.covered, words.group), "covered"],
      ["新增覆盖", `${signed(after.covered - before.covered)} ${unitOf(words.group)}`, "gain"],
      ["仍未覆盖", amount(left(after), words.group), "out"],
      !trial && timeFact(plan.time),
      plan.cost != null && ["费用", `${count(plan.cost)} 万元`, "cost"],
    ]),
    otherServices(plan.services),
    proof(plan, words, Boolean(trial)),
    fairness(plan.fairness),
    trialBox({ plan, trial, trialNote, words, onRestore, onRetry }),
    adoption,
    siteSection(plan, { words, onSite, onMark, hasTrial: Boolean(trial || trialNote) }),
    remaining(plan.left, words),
    make("h3", { text: `乡镇街道建设前后（${count(plan.townships.length)}）` }),
    make("p", { class: "hint", text: "覆盖率；「增加」为百分点。点列名排序，点乡镇名在地图上查看。" }),
    table.element,
    downloads(id),
  );
}

/** Mark a site in the list. */
export function markSite(rank) {
  for (const row of document.querySelectorAll("[data-site-row]")) {
    const isIt = row.dataset.siteRow === String(rank);
    row.classList.toggle("selected", isIt);
    row.setAttribute("aria-pressed", String(isIt));
    if (isIt) row.scrollIntoView({ block: "nearest" });
  }
}

function headline(rate, words) {
  return make(
    "p",
    { class: "headline" },
    make("span", { class: "headline-rate", text: rate }),
    make("span", { class: "headline-words", text: words }),
  );
}

function headlineOfPlan(before, after, words) {
  return make(
    "p",
    { class: "headline change" },
    make("span", { class: "headline-before", data: { figure: "rate-before" }, text: percent(before.rate) }),
    make("span", { class: "headline-arrow", role: "img", "aria-label": "变为", text: "→" }),
    make("span", { class: "headline-rate", data: { figure: "rate-after" }, text: percent(after.rate) }),
    make("span", { class: "headline-words", text: `${words.groupName}覆盖率` }),
  );
}

function bar(total, covered, gained) {
  const part = (value) => (total > 0 ? Math.max(0, value ?? 0) / total : 0);
  const out = Math.max(0, 1 - part(covered) - part(gained));
  return make(
    "div",
    { class: "bar", "aria-hidden": "true" },
    make("span", { class: "bar-covered", style: `flex-grow:${part(covered)}` }),
    make("span", { class: "bar-gain", style: `flex-grow:${part(gained)}` }),
    make("span", { class: "bar-out", style: `flex-grow:${out}` }),
  );
}

function facts(rows) {
  return make(
    "dl",
    { class: "facts figures-list" },
    rows
      .filter(Boolean)
      .map(([term, value, id]) => [
        make("dt", { class: `fact-${id}`, text: term }),
        make("dd", { data: { figure: id }, text: value }),
      ])
      .flat(),
  );
}

// of those who can get there at all, within the limit or not
function timeFact({ before, after }) {
  if (before == null || after == null) return null;
  return ["到最近设施平均", `${before.toFixed(1)} → ${after.toFixed(1)} 分钟`, "time"];
}

function proof(plan, { group }, isMoved) {
  const words = boundWords(plan, unitOf(group));
  return make(
    "div",
    { class: plan.proof.proven ? "proof proven" : "proof" },
    make("strong", { id: "proof", text: `${isMoved ? "原方案" : ""}${proofWords(plan.proof)}` }),
    words && make("p", { text: words }),
  );
}

function trialBox({ plan, trial, trialNote, words, onRestore, onRetry }) {
  const box = make("div", { id: "trial", class: "trial", "aria-live": "polite" });
  if (!trial && !trialNote) {
    box.hidden = true;
    return box;
  }
  const difference = trial && trial.after.covered - plan.after.covered;
  const rates = trial && (trial.after.rate ?? 0) - (plan.after.rate ?? 0);
  show(
    box,
    make("strong", { text: "移动点位之后，与原方案相比" }),
    trial &&
      make(
        "p",
        { class: "trial-figures" },
        make("span", {
          class: `trial-people ${toneOf(difference)}`,
          data: { figure: "difference" },
          text: `${signed(difference)} ${unitOf(words.group)}`,
        }),
        make("span", { text: `覆盖率 ${points(rates)} 个百分点` }),
      ),
    trial?.offRoad.length > 0 &&
      make("p", {
        class: "problem-line",
        text: `第 ${trial.offRoad.map((i) => plan.sites[i].rank).join("、")} 处附近没有可用的道路，没有计入。`,
      }),
    trialNote && make("p", { class: "hint", text: trialNote }),
    make(
      "p",
      { class: "trial-act" },
      onRetry && make("button", { type: "button", class: "more", text: "重试", on: { click: onRetry } }),
      make("button", { type: "button", class: "more", id: "restore", text: "恢复原方案", on: { click: onRestore } }),
    ),
  );
  return box;
}

function toneOf(difference) {
  if (Math.round(difference) === 0) return "same";
  return difference > 0 ? "grew" : "shrank";
}

// services that the same sites offer besides the first
function otherServices(services) {
  if (services.length === 0) return null;
  return [
    make("h3", { text: "同时提供的服务" }),
    make(
      "dl",
      { class: "facts", id: "also-served" },
      services.map((one) => [
        make("dt", { class: "name", text: `${one.service_name}（${Number(one.minutes.toFixed(2))} 分钟）` }),
        make("dd", { text: `${percent(one.baseline.rate)} → ${percent(one.after.rate)}` }),
      ]).flat(),
    ),
  ];
}

// from the lowest township up
function fairness(fair) {
  if (!fair?.levels?.length) return null;
  const [lowest] = fair.levels;
  return make("p", {
    class: "hint",
    id: "fairness",
    text: `覆盖率最低的乡镇街道为 ${percent(lowest.rate)}${lowest.proven ? "，已证明不能更高" : ""}。`,
  });
}

function siteSection({ sites, request }, { words, onSite, onMark, hasTrial }) {
  const most = Math.max(...sites.map(({ gain }) => gain ?? 0), 1);
  return [
    make("h3", { text: `建设顺序（${count(sites.length)} 处）` }),
    sites.length === 0 &&
      make("p", { class: "empty", text: "不需要新建：现状已达到要求，或新建不会再增加覆盖。" }),
    hasTrial && make("p", { class: "hint", text: "下列增益为原方案位置的数字。" }),
    make(
      "ol",
      { class: "sites", id: "sites" },
      sites.map((site) => siteRow(site, { most, words, onSite, onMark, hasYears: Boolean(request.sites_per_year) })),
    ),
  ];
}

function siteRow(site, { most, words, onSite, onMark, hasYears }) {
  return make(
    "li",
    {},
    make(
      "button",
      {
        type: "button",
        class: "site",
        data: { siteRow: site.rank },
        "aria-pressed": "false",
        on: { click: () => onSite(site.rank) },
      },
      make("span", { class: "site-rank", text: String(site.rank) }),
      make("span", { class: "site-name name", text: words.siteName(site) }),
      make("span", { class: "site-gain", text: `${signed(site.gain ?? 0)} ${unitOf(words.group)}` }),
      make(
        "span",
        { class: "site-bar", "aria-hidden": "true" },
        make("span", { style: `width:${(Math.max(0, site.gain ?? 0) / most) * 100}%` }),
      ),
      make("span", {
        class: "site-total",
        text: `${hasYears ? `第 ${site.year} 年 · ` : ""}累计 ${percent(site.rate)}`,
        title: amount(site.covered, words.group),
      }),
    ),
    make(
      "p",
      { class: "site-act" },
      [["forced", "下次必选此处"], ["forbidden", "下次不选此处"]].map(([mark, text]) =>
        make("button", { type: "button", class: "more", text, on: { click: () => onMark(site.id, mark) } }),
      ),
    ),
  );
}

function remaining({ people, reasons }, words) {
  if (!(people > 0)) return null;
  return [
    make("h3", { text: "为何仍有人未覆盖" }),
    make("p", { class: "hint", text: `方案建成后，${amount(people, words.group)}仍在时限之外。` }),
    make(
      "dl",
      { class: "facts", id: "without" },
      reasons
        .map(([reason, number]) => [
          make("dt", { text: reason }),
          make("dd", { text: amount(number, words.group) }),
        ])
        .flat(),
    ),
  ];
}

function downloads(id) {
  const path = `sitings/${encodeURIComponent(id)}`;
  const files = [
    ["Excel 工作簿", address(`${path}/report.xlsx`)],
    ["Word 文档", address(`${path}/report.docx`)],
    ["地图 PNG", address(`${path}/map.png`)],
    ["GeoJSON", address(`${path}/sites`, { format: "geojson" })],
    ["CSV", address(`${path}/sites`, { format: "csv" })],
  ];
  return [
    make("h3", { class: "links-title", text: "下载原方案" }),
    make(
      "ul",
      { class: "links downloads" },
      files.map(([text, href]) =>
        make("li", {}, make("a", { href, download: "", text })),
      ),
    ),
  ];
}

const left = ({ total, covered }) =>
  total == null || covered == null ? null : Math.max(0, total - covered);
