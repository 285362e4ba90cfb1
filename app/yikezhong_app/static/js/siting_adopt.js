// A plan taken as a scenario: its sites as changes, computed by the service and kept.

import { ApiError, send } from "./api.js";
import { byId, make, show } from "./dom.js";
import { cancelJob, failureWords, follow } from "./siting_job.js";
import { helpFor } from "./siting_words.js";

const MOST_NAME = 200;

/** The changes of a scenario that a plan comes to, its sites where they stand now. */
export function changesOf({ plan, places, service, services, siteName }) {
  const wanted = [service, ...plan.services.map((one) => services.find(({ id }) => id === one.service))].filter(Boolean);
  const functions = [...new Set([...plan.functions, ...wanted.flatMap((one) => one.functions ?? [])])];
  const columns = service.capacity && plan.request.capacity ? { [service.capacity]: plan.request.capacity } : {};
  return plan.sites.flatMap((site, i) => {
    if (site.source === "upgrade") return [{ action: "change", id: site.facility, add_functions: functions }];
    const [lon, lat] = places[i];
    return categoriesOf(wanted, plan.category).map((category, k) => ({
      action: "add",
      id: `S-${plan.id.slice(0, 6)}-${site.rank}${k > 0 ? `-${k + 1}` : ""}`,
      name: siteName(site).slice(0, MOST_NAME),
      category,
      ...(functions.length > 0 && { functions }),
      ...columns,
      lon,
      lat,
    }));
  });
}

// one facility for all services where a category serves them all, else one for each
function categoriesOf(services, first) {
  const found = [first ?? commonCategory(services)].filter(Boolean);
  for (const { categories } of services) {
    if (!categories.some((one) => found.includes(one))) found.push(categories[0]);
  }
  return found;
}

const commonCategory = (services) =>
  services[0].categories.find((one) => services.every(({ categories }) => categories.includes(one)));

/** The form that takes a plan as a scenario. */
export class Adoption {
  constructor({ onDone }) {
    this.onDone = onDone;
    this.turn = 0;
    this.job = null;
    this.element = make("section", { class: "adopt", id: "adopt" });
  }

  /** Offer a plan: `document()` gives its scenario without name, author and note. */
  offer({ name, document, service, planned }) {
    this.turn += 1;
    this.job = null;
    const field = (id, words, input) =>
      make("div", { class: "field" }, make("label", { for: id, text: words }), input);
    const [title, author] = [
      make("input", { id: "adopt-name", type: "text", maxlength: 200, required: true, value: name }),
      make("input", { id: "adopt-author", type: "text", maxlength: 200, autocomplete: "name" }),
    ];
    const note = make("textarea", { id: "adopt-note", rows: 2, maxlength: 5000 });
    this.line = make("p", { class: "hint", id: "adopt-line", role: "status" });
    this.act = make("button", { type: "submit", class: "more", id: "adopt-act", text: "保存并与现状比较" });
    const form = make(
      "form",
      {
        novalidate: true,
        on: {
          submit: (event) => {
            event.preventDefault();
            if (this.job) this.cancel();
            else this.take({ ...document(), name: title.value.trim() || name, author: author.value.trim(), note: note.value.trim() }, service);
          },
        },
      },
      field("adopt-name", "方案名称", title),
      field("adopt-author", "作者（可不填）", author),
      field("adopt-note", "说明（可不填）", note),
      this.act,
      this.line,
    );
    show(
      this.element,
      make(
        "details",
        {},
        make("summary", { text: "采用为方案" }),
        make("p", { class: "hint", text: `把这些点位作为新设施（含移动后的位置）保存为方案，各服务按规定时限与现状比较。${planned ? "规划、在建的设施不在方案之内。" : ""}` }),
        form,
      ),
    );
  }

  async take(scenario, service) {
    const own = (this.turn += 1);
    const isWanted = () => own === this.turn;
    this.act.textContent = "取消";
    this.line.textContent = "正在提交…";
    try {
      const job = await send("POST", "scenarios", scenario);
      if (!isWanted()) return;
      this.job = job.id;
      const over = await follow(job, {
        isWanted,
        path: "jobs",
        onProgress: ({ step, progress }) => {
          this.line.textContent = `${step} ${Math.floor((progress ?? 0) * 100)}%`;
        },
      });
      if (!over) return;
      if (over.status !== "done") throw new ApiError(failureWords(over), over.error?.status ?? 500);
      this.ended("");
      const query = new URLSearchParams({ mode: "scenario", scenario: over.result.id, service });
      show(
        this.line,
        make("span", { text: "方案已保存。" }),
        make("a", { class: "go", id: "adopt-link", href: `/maps/compare?${query}`, text: "与现状比较 →" }),
      );
      byId("adopt-link").focus();
      this.onDone(over.result);
    } catch (error) {
      if (isWanted()) this.ended(helpFor(error));
    }
  }

  async cancel() {
    const id = this.job;
    this.turn += 1;
    this.ended("已取消。");
    try {
      await cancelJob(id, "jobs");
    } catch (error) {
      this.line.textContent = helpFor(error);
    }
  }

  ended(words) {
    this.job = null;
    this.act.textContent = "保存并与现状比较";
    this.line.textContent = words;
  }
}
