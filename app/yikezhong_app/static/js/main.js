// The coverage map page: prepares the map and what stands around it, reads the study,
// and leaves the rest to the planner.

import { ApiError, read } from "./api.js";
import { prepareBoard } from "./board.js";
import { embedded, firstQuery } from "./embedded.js";
import * as page from "./page.js";
import { Planner } from "./planner.js";
import { readAddress, settle } from "./state.js";
import { arrangeStudy, learnCounties, learnOffers, learnSpeeds } from "./study.js";

document.body.classList.toggle("single-file", embedded != null);
const map = prepareBoard();
const load = page.createProgress();
const sheets = page.wireSheets();
page.wirePrinting(map);
page.wireCopying();
let outdated = false;
window.addEventListener("planner:version", () => {
  outdated = true;
  page.showMessage("成果已更新，请刷新，以免混看两个版本的数字。", {
    action: "刷新",
    onAction: () => window.location.reload(),
  });
});
start();

async function start() {
  page.hideMessage();
  try {
    const study = arrangeStudy(await load(read("study")));
    page.showStudy(study);
    if (study.services.length === 0 || study.levels.length === 0) {
      page.showMessage("这份成果中没有可显示的服务或行政区划。");
      return;
    }
    const { service, indicator } = settle(readAddress(firstQuery()), study);
    const learnt = [learnCounties(study), learnOffers(study, service), learnSpeeds(study, indicator)];
    await load(Promise.all(learnt));
    const isOutdated = () => outdated;
    // read only where it is needed
    const Kind = study.tiles.size > 0 ? (await import("./large.js")).LargePlanner : Planner;
    await new Kind(study, { map, load, sheets, report, isOutdated }).run();
  } catch (error) {
    report(error, start);
  }
}

function report(error, again) {
  if (!(error instanceof ApiError)) console.error(error);
  const words = error instanceof ApiError ? error.message : "页面出错，无法显示地图";
  page.showMessage(words, { onAction: again });
}
