// The pictures of a question that is being written: small views, each with a button to remove it.

import { h } from "./dom.js";
import { t } from "./i18n.js";
import { icon } from "./icons.js";
import { announce, toast } from "./notices.js";
import { BadPicture, readPicture } from "./pictures.js";

/** `changed()` is called when there are others. */
export class PictureTray {
  constructor(changed, urls = []) {
    this.root = h("ul", { class: "tray" });
    this.changed = changed;
    this.urls = [...urls];
    this.awaited = 0;
    this.show();
  }

  /** Whether files are still being read. */
  get isReading() {
    return this.awaited > 0;
  }

  get count() {
    return this.urls.length + this.awaited;
  }

  /** Take files that are pictures; one that cannot be read is said and left out. */
  async add(files, imageSize) {
    this.awaited += files.length;
    this.update();
    for (const file of files) {
      try {
        this.urls.push(await readPicture(file, imageSize));
        announce(t("pictureAdded", { number: this.urls.length }));
      } catch (error) {
        if (!(error instanceof BadPicture)) throw error;
        toast(t("pictureBad", { name: file.name }));
      } finally {
        this.awaited -= 1;
        this.update();
      }
    }
  }

  clear() {
    this.urls = [];
    this.update();
  }

  update() {
    this.show();
    this.changed();
  }

  /** Draw what is there, in the language of now. */
  show() {
    const waiting = Array.from({ length: this.awaited }, () => h("li", { class: "tray-waiting" }));
    this.root.replaceChildren(...this.urls.map((url, index) => this.item(url, index)), ...waiting);
    this.root.setAttribute("aria-label", t("pictures"));
    if (this.isReading) this.root.setAttribute("aria-busy", "true");
    else this.root.removeAttribute("aria-busy");
    this.root.hidden = this.count === 0;
  }

  item(url, index) {
    const number = index + 1;
    const label = t("pictureRemove", { number });
    const remove = h("button", { class: "tray-remove", type: "button", "aria-label": label, title: label, onclick: () => this.remove(index) }, icon("close"));
    return h("li", {}, h("img", { src: url, alt: t("pictureNumber", { number }) }), remove);
  }

  remove(index) {
    this.urls.splice(index, 1);
    this.update();
    announce(t("pictureRemoved"));
    const buttons = this.root.querySelectorAll("button");
    buttons[Math.min(index, buttons.length - 1)]?.focus();
  }
}
