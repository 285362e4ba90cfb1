// The upload page: choose a file, look at what becomes of it, confirm, see it done.

import { ApiError, read, readNow } from "./api.js";
import { byId, make, show } from "./dom.js";
import * as page from "./page.js";
import { arrangeStudy } from "./study.js";
import { confirmUpload, discardUpload, follow, readUpload, readUploads, sendFile } from "./upload_api.js";
import { UploadForm } from "./upload_form.js";
import { rowsSetAside, showReport } from "./upload_report.js";
import { STATUSES } from "./upload_words.js";

const STEPS = ["choose", "report", "confirm", "done"];
const load = page.createProgress();
const form = new UploadForm({ onSend: bring });
let upload = null;
/** Grows with everything begun: what belongs to an earlier turn is dropped. */
let turn = 0;

byId("again").addEventListener("click", () => startAnew());
byId("next").addEventListener("click", () => startAnew());
byId("discard").addEventListener("click", () => attempt(discard));
byId("confirm-button").addEventListener("click", () => attempt(confirm));
start();

async function start() {
  page.hideMessage();
  try {
    const session = await load(readNow("session"));
    page.showStudy(arrangeStudy(await load(read("study"))), "更新数据");
    if (!session.can_upload) {
      refuse(session);
      return;
    }
    const id = new URLSearchParams(window.location.search).get("id");
    if (id) await open(id);
    else await choose();
  } catch (error) {
    report(error, start);
  }
}

function refuse({ role }) {
  byId("refusal").textContent =
    role === "editor"
      ? "这个服务没有开启数据更新：请让管理员设置 YIKEZHONG_STUDY（研究目录）。"
      : "更新数据需要 editor 角色的令牌：请用 yikezhong serve 打印的地址打开，或向管理员索取。";
  byId("refusal").hidden = false;
}

/** Show the form, and what was brought before and not decided on. */
async function choose() {
  const found = await load(readUploads());
  form.take(found);
  showEarlier(found.items);
  showStep("choose");
}

function showEarlier(items) {
  const rows = items
    .filter(({ status }) => status !== "published")
    .map((item) =>
      make(
        "li",
        {},
        make("span", { class: "name", text: `${item.name}（${STATUSES[item.status]}）` }),
        make("button", { type: "button", text: "查看", on: { click: () => attempt(() => open(item.id)) } }),
      ),
    );
  show(
    byId("earlier"),
    rows.length > 0 &&
      make("div", { class: "earlier" }, make("h4", { text: "还没有确认的上传" }), make("ul", {}, ...rows)),
  );
}

/** Send the file and follow its check. */
async function bring(data) {
  const own = ++turn;
  form.setBusy(true);
  try {
    if (upload && ["ready", "refused"].includes(upload.status)) await discardUpload(upload.id);
    upload = null;
    showWork("正在上传", { progress: 0, step: "发送文件" });
    upload = await sendFile(data, (share) => {
      if (own === turn) showWork("正在上传", { progress: share, step: "发送文件" });
    });
    keepAddress(upload.id);
    await watch(own);
  } catch (error) {
    if (own !== turn) return;
    showStep("choose");
    report(error, null);
  } finally {
    form.setBusy(false);
  }
}

/** Show an upload of which the id is known. */
async function open(id) {
  const own = ++turn;
  try {
    upload = await load(readUpload(id));
  } catch (error) {
    if (error.status !== 404) throw error;
    keepAddress(null);
    await choose();
    report(new ApiError("这个上传已不在服务中，可能已过期；请重新选择文件。", 404), null);
    return;
  }
  keepAddress(id);
  await watch(own);
}

/** Follow what is being done to the upload, and show what came of it. */
async function watch(own) {
  const over = await follow(upload, {
    isWanted: () => own === turn,
    onProgress: (now) => {
      const isCheck = now.status === "checking";
      showWork(isCheck ? "正在检查文件" : "正在更新研究并重新计算", now);
    },
  });
  if (!over) return;
  upload = over;
  if (upload.status === "published") showDone();
  else showFound();
}

function showFound() {
  showReport(upload);
  const isReady = upload.status === "ready";
  showStep("report", { also: isReady ? ["confirm"] : [] });
  if (!isReady) return;
  const left = rowsSetAside(upload);
  byId("confirm-words").textContent = [
    upload.replaces
      ? `确认后，这个文件代替研究中的 ${upload.replaces}，全部结果重新计算。`
      : "确认后，这个文件加入研究，全部结果重新计算。",
    left > 0 ? `注意：有 ${left} 行不会使用，原因见上表。` : "",
    "计算期间仍可查看现有成果。",
  ].join("");
  showProblem(upload.error?.text ?? "");
}

function showDone() {
  byId("done-words").textContent =
    `研究已更新（版本 ${upload.study_version}），成果版本 ${upload.snapshot_version}。`;
  showStep("done");
  byId("status").textContent = "研究已更新";
}

async function confirm() {
  const own = ++turn;
  byId("confirm-button").disabled = true;
  showProblem("");
  try {
    upload = await confirmUpload(upload.id);
    await watch(own);
  } catch (error) {
    showFound();
    showProblem(error.message);
  } finally {
    byId("confirm-button").disabled = false;
  }
}

async function discard() {
  await discardUpload(upload.id);
  await startAnew();
}

async function startAnew() {
  turn += 1;
  keepAddress(null);
  await attempt(choose);
}

async function attempt(work) {
  page.hideMessage();
  try {
    await work();
  } catch (error) {
    report(error, null);
  }
}

function showProblem(text) {
  byId("confirm-problem").textContent = text;
  byId("confirm-problem").hidden = !text;
}

function showWork(title, { progress, step }) {
  if (byId("working").hidden) showStep(null);
  byId("working-title").textContent = title;
  byId("job-step").textContent = step ?? "";
  byId("job-bar").value = progress;
  byId("job-share").textContent = `${Math.floor(progress * 100)} %`;
}

/** Show a step's card, and say so to eyes and ears; null shows that work is done. */
function showStep(name, { also = [] } = {}) {
  const shown = new Set([name ?? "working", ...also]);
  for (const id of [...STEPS, "working"]) byId(id).hidden = !shown.has(id);
  const current = name ?? (upload?.status === "publishing" ? "confirm" : "choose");
  const place = STEPS.indexOf(current);
  for (const item of byId("steps").children) {
    const own = STEPS.indexOf(item.dataset.step);
    item.classList.toggle("past", own < place);
    if (own === place) item.setAttribute("aria-current", "step");
    else item.removeAttribute("aria-current");
  }
  const heading = byId(`${name ?? "working"}-title`);
  byId("status").textContent = heading.textContent;
  heading.focus({ preventScroll: true });
  window.scrollTo({ top: 0 });
}

function keepAddress(id) {
  window.history.replaceState(null, "", id ? `?id=${encodeURIComponent(id)}` : window.location.pathname);
}

function report(error, again) {
  if (!(error instanceof ApiError)) console.error(error);
  const onAction = () => {
    page.hideMessage();
    again?.();
  };
  page.showMessage(error.message, { action: again ? "重试" : "知道了", onAction });
}
