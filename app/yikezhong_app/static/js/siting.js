// The siting page: prepares the map and what stands around it, reads the study, and
// leaves the rest to the siter.

import { ApiError, read } from "./api.js";
import { prepareBoard } from "./board.js";
import * as page from "./page.js";
import { Siter } from "./siter.js";
import { arrangeStudy } from "./study.js";
import { helpFor } from "./siting_words.js";

const map = prepareBoard("选址地图");
const load = page.createProgress();
const sheets = page.wireSheets();
page.wirePrinting(map);
page.wireCopying();
window.addEventListener("planner:version", () =>
  page.showMessage("成果已更新，请刷新，以免混看两个版本的数字。", {
    action: "刷新",
    onAction: () => window.location.reload(),
  }),
);
start();

async function start() {
  page.hideMessage();
  try {
    const [body, options] = await load(Promise.all([read("study"), read("siting-options")]));
    const study = { ...arrangeStudy(body), options };
    page.showStudy(study, "选址");
    if (study.services.length === 0 || study.levels.length === 0) {
      page.showMessage("这份成果中没有可选址的服务或行政区划。");
      return;
    }
    await new Siter(study, { map, load, sheets, report }).run();
  } catch (error) {
    report(error, start);
  }
}

function report(error, again) {
  if (!(error instanceof ApiError)) console.error(error);
  const onAction = () => {
    page.hideMessage();
    again?.();
  };
  page.showMessage(helpFor(error), { action: again ? "重试" : "知道了", onAction });
}
