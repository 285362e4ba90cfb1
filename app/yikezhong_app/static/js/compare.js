// The comparing page: prepares two maps, reads the study, and leaves the rest to the
// comparer.

import { ApiError, read } from "./api.js";
import { prepareBoard } from "./board.js";
import { Comparer } from "./comparer.js";
import { afterMap, moveTogether } from "./compare_maps.js";
import * as page from "./page.js";
import { helpFor } from "./siting_words.js";
import { arrangeStudy } from "./study.js";

const maps = [prepareBoard("左图"), prepareBoard("右图", afterMap())];
moveTogether(maps);
const load = page.createProgress();
const sheets = page.wireSheets();
page.wirePrinting(maps[0]);
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
    const study = arrangeStudy(await load(read("study")));
    page.showStudy(study, "比较");
    await new Comparer(study, { maps, load, sheets, report }).run();
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
