// Uploads as the service has them: send a file, look, follow, confirm, forget.

import { ApiError, address, readNow, send } from "./api.js";

const FIRST_WAIT_MS = 300;
const LONGEST_WAIT_MS = 2000;
const MOST_LOST_ANSWERS = 5;
const PASSING = [0, 429, 502, 503, 504];

const pathOf = (id) => `uploads/${encodeURIComponent(id)}`;

/** What can be replaced, and what has been brought already. */
export const readUploads = () => readNow("uploads");

export const readUpload = (id) => readNow(pathOf(id));

export const confirmUpload = (id) => send("POST", `${pathOf(id)}/confirm`);

/** Forget an upload; one that is gone already is fine. */
export async function discardUpload(id) {
  try {
    await send("DELETE", pathOf(id));
  } catch (error) {
    if (error.status !== 404) throw error;
  }
}

/** Send a form with its file; `onProgress(share)` while it goes out. */
export function sendFile(form, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", address("uploads"));
    request.setRequestHeader("Accept", "application/json");
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    });
    request.addEventListener("load", () => {
      const body = request.response;
      if (request.status === 201 && body) resolve(body);
      else reject(problemOf(request.status, body));
    });
    request.addEventListener("error", () =>
      reject(new ApiError("上传没有完成：连接中断，或文件超过了上限", 0)),
    );
    request.send(form);
  });
}

function problemOf(status, body) {
  const words = [body?.title, body?.detail].filter((text) => typeof text === "string");
  return new ApiError(words.join("：") || "服务没有接受这个文件", status, body?.title);
}

/** Look again and again until nothing is being done; `isWanted()` false gives null. */
export async function follow(upload, { isWanted, onProgress }) {
  let current = upload;
  let wait = FIRST_WAIT_MS;
  let lost = 0;
  while (["checking", "publishing"].includes(current.status)) {
    onProgress(current);
    await new Promise((resolve) => setTimeout(resolve, wait));
    if (!isWanted()) return null;
    wait = Math.min(wait * 1.25, LONGEST_WAIT_MS);
    try {
      current = await readUpload(upload.id);
      lost = 0;
    } catch (error) {
      lost += 1;
      if (!PASSING.includes(error.status) || lost >= MOST_LOST_ANSWERS) throw error;
    }
  }
  return current;
}
