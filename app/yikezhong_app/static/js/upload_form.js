// The form: which layer, what it stands for, which file, and what the file does not say.

import { byId, make, show } from "./dom.js";
import { FORMATS, LAYERS, size } from "./upload_words.js";

export class UploadForm {
  constructor({ onSend }) {
    this.form = byId("upload-form");
    this.sources = [];
    this.limit = Infinity;
    show(
      byId("choose-layer"),
      LAYERS.map(([id, name], index) =>
        make(
          "label",
          { class: "segment" },
          make("input", {
            type: "radio", name: "layer", value: id, checked: index === 0,
            on: { change: () => this.showLayer() },
          }),
          make("span", { text: name }),
        ),
      ),
    );
    byId("choose-file").addEventListener("change", () => this.check());
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.check({ mustBeThere: true })) onSend(this.data());
    });
  }

  /** Take what the service says of the study. */
  take({ sources, limit_bytes: limit }) {
    this.sources = sources;
    this.limit = limit;
    this.showLayer();
  }

  get layer() {
    return new FormData(this.form).get("layer");
  }

  showLayer() {
    const { layer } = this;
    const own = this.sources.filter((source) => source.layer === layer);
    const options = own.map(({ id, file }) =>
      make("option", { value: id, text: `替换现有的 ${file}` }),
    );
    if (layer !== "roads" || own.length === 0) {
      options.push(make("option", { value: "new", text: "增加一个文件" }));
    }
    show(byId("choose-source"), options);
    byId("file-hint").textContent = `${FORMATS[layer]}；不超过 ${size(this.limit)}`;
    for (const part of this.form.querySelectorAll("[data-layers]")) {
      part.hidden = !part.dataset.layers.split(" ").includes(layer);
    }
  }

  /** Say what is wrong with the chosen file before it is sent. */
  check({ mustBeThere = false } = {}) {
    const [file] = byId("choose-file").files;
    byId("file-name").textContent = file ? `${file.name}（${size(file.size)}）` : "尚未选择";
    let problem = "";
    if (!file && mustBeThere) problem = "请先选择文件";
    if (file?.size === 0) problem = "文件是空的（0 字节）";
    if (file?.size > this.limit) {
      problem = `文件有 ${size(file.size)}，超过上限 ${size(this.limit)}`;
    }
    byId("file-problem").textContent = problem;
    byId("file-problem").hidden = !problem;
    byId("choose-file").setAttribute("aria-invalid", String(Boolean(problem)));
    if (problem && mustBeThere) byId("choose-file").focus();
    return !problem;
  }

  /** The fields that were filled in and belong to the layer. */
  data() {
    const data = new FormData();
    for (const [name, value] of new FormData(this.form)) {
      const field = this.form.elements[name];
      const isOff = field instanceof Element && field.closest("[data-layers][hidden]");
      if (value !== "" && !isOff) data.append(name, value);
    }
    return data;
  }

  setBusy(isBusy) {
    byId("send").disabled = isBusy;
  }
}
