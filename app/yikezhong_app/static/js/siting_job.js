// A siting as a job of the service: ask for it, follow it, cancel it.

import { ApiError, readNow, send } from "./api.js";
import { byId } from "./dom.js";

const FIRST_WAIT_MS = 350;
const LONGEST_WAIT_MS = 2000;
const MOST_LOST_ANSWERS = 4;

/** Ask for a siting; returns its job. */
export const askForSiting = (request) => send("POST", "sitings", request);

/** Read a job. */
export const readJob = (id, path = "sitings") => readNow(`${path}/${encodeURIComponent(id)}`);

/** Give a job up; one that is over already is fine. */
export async function cancelJob(id, path = "sitings") {
  try {
    await send("DELETE", `${path}/${encodeURIComponent(id)}`);
  } catch (error) {
    if (![404, 409, 410].includes(error.status)) throw error;
  }
}

const OVER = ["done", "failed", "cancelled"];

/** Follow a job until it is over; `isWanted()` false ends it with null. */
export async function follow(job, { isWanted, onProgress, path = "sitings" }) {
  let current = job;
  let wait = FIRST_WAIT_MS;
  let lost = 0;
  while (!OVER.includes(current.status)) {
    onProgress(current);
    await new Promise((resolve) => setTimeout(resolve, wait));
    if (!isWanted()) return null;
    wait = Math.min(wait * 1.25, LONGEST_WAIT_MS);
    try {
      current = await readJob(job.id, path);
      lost = 0;
    } catch (error) {
      // a busy or restarting service is asked again, any other answer is final
      lost += 1;
      const passing = error instanceof ApiError && [0, 429, 502, 503, 504].includes(error.status);
      if (!passing || lost >= MOST_LOST_ANSWERS) throw error;
    }
    if (!isWanted()) return null;
  }
  return current;
}

/** Sentence of a job that failed. */
export function failureWords({ error }) {
  return [error?.message, error?.hint].filter(Boolean).join("。") || "计算没有完成。";
}

/** The lines of progress under the form. */
export class JobPanel {
  constructor({ onCancel }) {
    this.started = 0;
    this.timer = 0;
    // what asks for the work, where the page has such a button
    this.button = byId("compute");
    byId("job-cancel").addEventListener("click", onCancel);
  }

  open() {
    this.started = performance.now();
    byId("job").hidden = false;
    byId("job-cancel").disabled = false;
    this.button?.setAttribute("hidden", "");
    this.show({ status: "queued" });
    clearInterval(this.timer);
    this.timer = setInterval(() => this.tick(), 1000);
    this.tick();
  }

  show({ progress, status, step }) {
    const bar = byId("job-bar");
    const isWaiting = status === "queued" || !Number.isFinite(progress);
    if (isWaiting) bar.removeAttribute("value");
    else bar.value = Math.min(1, Math.max(0, progress));
    byId("job-step").textContent = isWaiting
      ? "排队等候"
      : `${step || "正在计算"} ${Math.floor(bar.value * 100)}%`;
  }

  close() {
    clearInterval(this.timer);
    byId("job").hidden = true;
    this.button?.removeAttribute("hidden");
  }

  tick() {
    const seconds = Math.floor((performance.now() - this.started) / 1000);
    byId("job-time").textContent = `${seconds} 秒`;
  }
}
