// One siting at a time: asked for or opened by its address, followed, given up.

import { ApiError } from "./api.js";
import { byId } from "./dom.js";
import { hideMessage } from "./page.js";
import { JobPanel, askForSiting, cancelJob, failureWords, follow, readJob } from "./siting_job.js";

/**
 * Runs sitings. `onBegun(job)` when the service has taken one, `onDone(job)` with its
 * result, `onGone()` when there will be none; what fails goes to `report(error, again)`.
 */
export class Runner {
  constructor({ report, onBegun, onDone, onGone }) {
    Object.assign(this, { report, onBegun, onDone, onGone });
    this.turn = 0;
    this.current = null;
    this.isBusy = false;
    this.panel = new JobPanel({ onCancel: () => this.cancel() });
  }

  /** Ask for a siting and follow it. */
  async compute(request) {
    if (this.isBusy) return;
    const own = this.begin();
    try {
      const job = await askForSiting(request);
      if (own === this.turn) await this.follow(job, own);
      // given up before the service had named the job
      else await cancelJob(job.id);
    } catch (error) {
      if (own === this.turn) this.end(error, () => this.compute(request));
    }
  }

  /** Show a job of which the id is known: its result, or its progress. */
  async open(id) {
    const own = this.begin();
    try {
      const job = await readJob(id);
      if (own === this.turn) await this.follow(job, own);
    } catch (error) {
      if (own !== this.turn) return;
      if (error.status !== 404) {
        this.end(error, () => this.open(id));
        return;
      }
      this.end(new ApiError("这份选址结果已不在服务中，请重新计算。", 404), null);
      this.onGone();
    }
  }

  /** Give up what is under way. */
  async cancel() {
    const id = this.current;
    this.turn += 1;
    this.leave("已取消计算");
    this.onGone();
    byId("compute").focus();
    try {
      if (id) await cancelJob(id);
    } catch (error) {
      this.report(error, null);
    }
  }

  async follow(job, own) {
    this.current = job.id;
    this.onBegun(job);
    const over = await follow(job, {
      isWanted: () => own === this.turn,
      onProgress: (now) => this.panel.show(now),
    });
    if (!over) return;
    if (over.status === "done") {
      this.leave(`计算完成，${over.result.sites.length} 处`);
      await this.onDone(over);
      return;
    }
    if (over.status === "cancelled") this.end(new ApiError("这次计算已被取消。", 409), null);
    else this.end(new ApiError(failureWords(over), over.error?.status ?? 500), null);
    this.onGone();
  }

  begin() {
    hideMessage();
    this.turn += 1;
    this.current = null;
    this.isBusy = true;
    this.panel.open();
    byId("status").textContent = "正在计算选址";
    return this.turn;
  }

  leave(words) {
    this.isBusy = false;
    this.panel.close();
    byId("status").textContent = words;
  }

  end(error, again) {
    this.leave("计算没有完成");
    this.report(error, again);
  }
}
