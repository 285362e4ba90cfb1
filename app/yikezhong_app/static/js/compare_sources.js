// What can be compared, each read from the API into one shape.

import { ApiError, readAll, readNow, send } from "./api.js";
import { failureWords, follow } from "./siting_job.js";

const MOST_ROWS = 50000;
const JOBS = "jobs";

/** The kept scenarios, the newest first. */
export const readScenarios = async () => (await readNow("scenarios")).items;

/** The versions of the result, the latest as-of date first. */
export const readVersions = async () => (await readNow("versions")).items;

/** A scenario against the baseline, for one service. */
export async function compareScenario({ scenario, service }, { level }) {
  const path = `scenarios/${encodeURIComponent(scenario)}`;
  const query = { service, limit: MOST_ROWS };
  const [found, points] = await Promise.all([
    readAll(path, { ...query, level, format: "json" }),
    readAll(`${path}/points`, { ...query, format: "geojson" }),
  ]);
  const about = found.scenario;
  return {
    names: ["现状", "方案"],
    titles: [`现状（${about.as_of}）`, about.name],
    rows: found.items,
    whole: addUp(about.summary.filter((row) => row.service === service)),
    about,
    changes: about.changes,
    indicators: found.indicators.filter(({ turned }) => turned),
    points: points.features,
  };
}

/** Two versions of the result. */
export async function compareVersions({ before, after, service, minutes }, { level, top, versions }) {
  const path = `versions/${encodeURIComponent(before)}/${encodeURIComponent(after)}`;
  const query = { service, minutes, limit: MOST_ROWS };
  const [rows, whole] = await Promise.all([
    readAll(path, { ...query, level }),
    readAll(path, { ...query, level: top }),
  ]);
  const titles = [before, after].map(
    (name) => versions.find(({ version }) => version === name)?.as_of ?? name,
  );
  return { names: titles, titles, rows: rows.items, whole: addUp(whole.items) };
}

/** Two walking speeds: a job that is followed until it is over; null where given up. */
export async function compareSpeeds({ before, after, service, minutes }, { level, isWanted, onBegun, onProgress }) {
  const request = { service, minutes, level, before_mps: Number(before), after_mps: Number(after) };
  const job = await send("POST", "speed-comparisons", request);
  onBegun(job);
  const over = await follow(job, { isWanted, onProgress, path: JOBS });
  if (!over || over.status === "cancelled") return null;
  if (over.status !== "done") throw new ApiError(failureWords(over), over.error?.status ?? 500);
  const titles = [before, after].map((speed) => `步行 ${Number(speed).toFixed(1)} 米/秒`);
  const { items, summary } = over.result;
  return { names: [before, after].map((speed) => `${Number(speed).toFixed(1)} 米/秒`), titles, rows: items, whole: addUp(summary) };
}

// rates are never averaged: counts are added, each side over its own total
function addUp(rows) {
  if (rows.length === 0) return null;
  const sum = (name) =>
    rows.some((row) => row[name] == null) ? null : rows.reduce((all, row) => all + row[name], 0);
  const total = sum("total");
  const totalBefore = rows[0].total_before === undefined ? total : sum("total_before");
  const [coveredBefore, coveredAfter] = [sum("covered_before"), sum("covered_after")];
  const share = (covered, all) => (all > 0 && covered != null ? covered / all : null);
  return {
    total,
    totalBefore,
    coveredBefore,
    coveredAfter,
    rateBefore: share(coveredBefore, totalBefore),
    rateAfter: share(coveredAfter, total),
    gained: sum("gained"),
    lost: sum("lost"),
  };
}
