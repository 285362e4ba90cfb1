// Reading the API: JSON in, problems as errors with a sentence for the reader.

import { embedded, embeddedAnswer } from "./embedded.js";

const ROOT = "/api/v1";
const KEPT = 60;

/** An answer that is not a success, or none at all. */
export class ApiError extends Error {
  constructor(message, status, title = null) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.title = title;
  }
}

const kept = new Map();
let version = null;

/** Address of a resource, with those parameters that have a value. */
export function address(path, parameters = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value != null && value !== "") query.set(name, value);
  }
  const text = query.toString();
  return `${ROOT}/${path}${text ? `?${text}` : ""}`;
}

/**
 * Fetch a resource; an answer once read is kept for the life of the page.
 *
 * When the service begins to answer from a newer result, `planner:version` is sent to
 * the window: figures of two versions are never to be read side by side unnoticed.
 */
export async function read(path, parameters = {}) {
  if (embedded) {
    const answer = embeddedAnswer(path, parameters);
    if (!answer) throw new ApiError("这个文件只含导出时所选的图面", 404);
    return answer;
  }
  const url = address(path, parameters);
  const known = kept.get(url);
  if (known) return known;
  const answer = fetchJson(url);
  kept.set(url, answer);
  if (kept.size > KEPT) kept.delete(kept.keys().next().value);
  answer.catch(() => kept.delete(url));
  return answer;
}

/** Fetch all pages of a table as one document. */
export async function readAll(path, parameters = {}) {
  const first = await read(path, parameters);
  const rows = "features" in first ? "features" : "items";
  // one record, not a table
  if (!(rows in first)) return first;
  let all = first[rows];
  for (let page = first; page.links?.next && all.length < page.total; ) {
    page = await read(path, { ...parameters, offset: all.length });
    if (page[rows].length === 0) break;
    all = all.concat(page[rows]);
  }
  return { ...first, [rows]: all };
}

/** Fetch a resource that changes, such as a job: nothing of it is kept. */
export const readNow = (path) => fetchJson(address(path), { cache: "no-store" });

/** Send a request that asks for work; `content` is its JSON, the answer may be empty. */
export function send(method, path, content = null) {
  const json = content && {
    body: JSON.stringify(content),
    headers: { Accept: "application/json", "Content-Type": "application/json" },
  };
  return fetchJson(address(path), { method, ...json });
}

async function fetchJson(url, options = {}) {
  let response;
  try {
    response = await fetch(url, {
      headers: { Accept: "application/geo+json, application/json" },
      credentials: "same-origin",
      ...options,
    });
  } catch {
    throw new ApiError("无法连接服务，请检查网络后重试", 0);
  }
  if (response.status === 204) return null;
  let body = null;
  try {
    body = await response.json();
  } catch {
    if (response.ok) throw new ApiError("服务的答复无法读取", response.status);
  }
  if (!response.ok) {
    const words = [body?.title, body?.detail].filter((text) => typeof text === "string");
    throw new ApiError(words.join("：") || "服务暂时无法答复", response.status, body?.title);
  }
  noticeVersion(body?.version);
  return body;
}

function noticeVersion(found) {
  if (!found) return;
  version ??= found;
  if (found !== version) window.dispatchEvent(new CustomEvent("planner:version"));
}
