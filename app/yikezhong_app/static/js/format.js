// Numbers as a planner reads them.

import { BREAKS } from "./classes.js";
import { unitOf } from "./words.js";

export const DASH = "—";

const WHOLE = new Intl.NumberFormat("zh-CN", { maximumFractionDigits: 0 });
const TENTH = new Intl.NumberFormat("zh-CN", { maximumFractionDigits: 1 });

/** A count without its unit; a dash where it is not known. */
export function count(value, denominator = "people") {
  if (value == null) return DASH;
  const unit = unitOf(denominator);
  if (unit === "公里") return TENTH.format(value / 1000);
  if (unit === "平方公里") return TENTH.format(value / 1e6);
  return WHOLE.format(value);
}

/** A count with its unit. */
export function amount(value, denominator = "people") {
  return value == null ? "未知" : `${count(value, denominator)} ${unitOf(denominator)}`;
}

/**
 * A rate in per cent with one decimal. Where rounding up would show it on the other
 * side of a class limit it is cut off instead: 99.98 % is not 100 %, 59.97 % not 60 %.
 */
export function percent(rate) {
  if (rate == null) return DASH;
  if (rate > 0 && rate < 0.0005) return "<0.1%";
  const shown = Math.round(rate * 1000);
  const crosses = [...BREAKS, 1].some((limit) => rate < limit && shown >= limit * 1000);
  return `${((crosses ? shown - 1 : shown) / 10).toFixed(1)}%`;
}

/** A travel time; where there is none, says so. */
export function minutes(seconds) {
  if (seconds == null || !Number.isFinite(seconds)) return "无路可达";
  return `${TENTH.format(seconds / 60)} 分钟`;
}
