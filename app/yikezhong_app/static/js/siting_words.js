// The words of siting: goals, candidates, proofs, and what to do when it fails.

import { ApiError } from "./api.js";
import { count, minutes } from "./format.js";

/** Goals in the order of the form; `asks` are the numbers that a goal needs. */
export const GOALS = [
  { id: "max_people", asks: ["n"], name: "覆盖最多的人", note: "处数已定" },
  { id: "min_sites", asks: ["share"], name: "用最少的处数达到目标", note: "覆盖率目标已定" },
  { id: "budget", asks: ["budget", "site_cost"], name: "按预算覆盖最多的人", note: "总预算与每处费用已定" },
  { id: "p_median", asks: ["n"], name: "平均路程最短", note: "处数已定" },
  { id: "p_center", asks: ["n"], name: "让最远的人尽量近", note: "处数已定" },
  { id: "target", asks: [], name: "使规划指标达标", note: "用最少的处数，指标须“每个区域至少一处”" },
];

/** Where candidates come from; those with a category are offered where it occurs. */
export const SOURCES = [
  { id: "community_centres", name: "各社区/村驻地" },
  { id: "category:community_service_center", category: "community_service_center", name: "社区综合服务设施" },
  { id: "category:community_centre", category: "community_centre", name: "社区活动中心" },
  { id: "generated", name: "道路上生成", note: "在未覆盖人口附近的道路上取点" },
  { id: "layer", name: "我的候选点文件", note: "GeoJSON 或 CSV，只在浏览器中读取" },
  { id: "upgrade", needsFunctions: true, name: "已有设施增加功能", note: "现有设施补上这项服务，不新建" },
];

/** What was asked for, in one line. */
export function goalWords({ goal, n, share, budget, site_cost: cost }) {
  if (budget != null) return `预算 ${count(budget)} 万元、每处 ${count(cost)} 万元，覆盖最多的人`;
  if (goal === "min_sites") return `覆盖率达到 ${wholePercent(share)} 所需的最少处数`;
  if (goal === "target") return "使规划指标达标所需的最少处数";
  const name = GOALS.find(({ id }) => id === goal)?.name ?? goal;
  return n == null ? name : `${name}：${count(n)} 处`;
}

/** Whether the plan is proven best, else how far it can be from the best. */
export function proofWords({ proven, gap }) {
  if (proven) return "已证明最优";
  if (gap == null || !Number.isFinite(gap)) return "尚未得出与最优的差距";
  return `与最优相差不超过 ${gapPercent(gap)}`;
}

/** What the proof means, in numbers; null where nothing is to be said. */
export function boundWords({ request, proof, sites }, unit) {
  const { objective, bound, proven } = proof;
  if (objective == null || bound == null) return null;
  const n = count(request.n ?? sites.length);
  if (request.goal === "target") return proven ? "用更少的处数不能达标。" : `至少需要 ${count(Math.ceil(bound - 1e-6))} 处。`;
  if (request.worst_first) {
    return proven ? "没有别的选法能使覆盖率最低的乡镇更高，其余乡镇依此类推。" : null;
  }
  if (request.also?.length > 0 && request.goal === "max_people") {
    return proven ? "从这些候选地点中任意选取，各服务合计都不会覆盖更多的人次。" : null;
  }
  if (request.goal === "max_people") {
    const within = request.budget == null ? `任选 ${n} 处` : "用这笔预算任意选取";
    return proven
      ? `从这些候选地点中${within}，都不会覆盖更多的人。`
      : `从这些候选地点中${within}，最多也只能覆盖 ${count(Math.floor(bound))} ${unit}。`;
  }
  if (request.goal === "min_sites") {
    return proven
      ? "用更少的处数达不到这一目标。"
      : `至少需要 ${count(Math.ceil(bound - 1e-6))} 处；本方案 ${count(sites.length)} 处。`;
  }
  if (request.goal === "p_center") {
    const best = proven ? "，不可能更近" : `；任何方案不会少于 ${minutes(bound)}`;
    return `最远的人要走 ${minutes(objective)}${best}。`;
  }
  return proven ? "从这些候选地点中选不出平均路程更短的方案。" : null;
}

/** A difference of rates, in points with its sign. */
export function points(difference) {
  const shown = (difference * 100).toFixed(1);
  if (Number(shown) === 0) return "±0.0";
  return difference > 0 ? `+${shown}` : shown.replace("-", "−");
}

/** A difference of counts with its sign. */
export function signed(difference) {
  const whole = Math.round(difference);
  if (whole === 0) return "±0";
  return whole > 0 ? `+${count(whole)}` : `−${count(-whole)}`;
}

/** What happened and what to do, from an error. */
export function helpFor(error) {
  if (!(error instanceof ApiError)) return "页面出错，请刷新后重试。";
  if (error.status === 401) {
    return "计算需要令牌。请用管理员给您的链接打开本页一次（地址里带有 ?token=…），浏览器会记住，之后即可直接计算。";
  }
  if (error.status === 403 && /角色/.test(error.message)) return "您的令牌没有计算的权限，请向管理员申请。";
  if (error.status === 429) return "请求太频繁，请稍候再试。";
  if (error.status === 503 && !/成果/.test(error.message)) {
    return "服务正忙，计算名额已满。请稍候再按「重试」。";
  }
  return error.message;
}

const wholePercent = (share) => `${Number(((share ?? 0) * 100).toFixed(2))}%`;

// rounded up: a stated limit must hold
function gapPercent(gap) {
  if (gap <= 0) return "0.01%";
  const tenth = Math.ceil(gap * 1000 - 1e-9) / 10;
  return gap < 0.001 ? `${Math.max(0.01, Math.ceil(gap * 10000) / 100)}%` : `${tenth}%`;
}
