// The page of one township: prepares its map, reads the study and the township, and
// leaves the rest to the sheet.

import { ApiError, read } from "./api.js";
import { prepareBoard } from "./board.js";
import { byId } from "./dom.js";
import * as page from "./page.js";
import { arrangeStudy } from "./study.js";
import { TownshipSheet } from "./township_sheet.js";

const map = prepareBoard("本乡镇街道地图");
byId("map-place").append(map.getContainer());
map.invalidateSize({ animate: false });
const load = page.createProgress();
let sheet = null;
page.wirePrinting(map, () => sheet?.bounds() ?? map.getBounds());
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
    const code = decodeURIComponent(window.location.pathname.split("/").at(-1));
    const [body, township] = await load(
      Promise.all([read("study"), read(`townships/${encodeURIComponent(code)}`)]),
    );
    const study = arrangeStudy(body);
    page.showStudy(study, township.item.name);
    sheet = new TownshipSheet(study, township.item, { map, load, report });
    await sheet.run();
  } catch (error) {
    report(error, start);
  }
}

function report(error, again) {
  if (!(error instanceof ApiError)) console.error(error);
  const words = error instanceof ApiError ? error.message : "页面出错，无法显示这个乡镇街道";
  page.showMessage(words, { onAction: again });
}
