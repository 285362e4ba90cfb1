// Moved sites are evaluated at once: one question at a time, the last one counts.

import { send } from "./api.js";

const WAIT_MS = 160;

/** Asks what the places of the moment would cover. */
export class Trial {
  constructor({ onAnswer, onError }) {
    Object.assign(this, { onAnswer, onError });
    this.wanted = null;
    this.asking = false;
    this.turn = 0;
  }

  /** Evaluate these places soon; only the last of many in a row is asked for. */
  ask(request) {
    this.wanted = request;
    this.run();
  }

  /** Forget what is on its way. */
  stop() {
    this.wanted = null;
    this.turn += 1;
  }

  async run() {
    if (this.asking) return;
    this.asking = true;
    while (this.wanted) {
      await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
      const request = this.wanted;
      const { turn } = this;
      this.wanted = null;
      if (!request) break;
      try {
        const answer = await send("POST", "evaluations", request);
        if (turn === this.turn) this.onAnswer(answer);
      } catch (error) {
        if (turn === this.turn && !this.wanted) this.onError(error);
      }
    }
    this.asking = false;
  }
}
