// The place where questions are typed and pictures are put, and the button that sends or stops.

import { byId } from "./dom.js";
import { setLabel, t } from "./i18n.js";
import { setIcon } from "./icons.js";
import { toast } from "./notices.js";
import { startPictureInput } from "./picture_input.js";
import { PictureTray } from "./picture_tray.js";
import { isPicture } from "./pictures.js";
import { fit, growWithText, isSendKey } from "./text_area.js";

/**
 * `actions` has send(text, pictures), which says whether it took them, stop(), editLast(), and
 * pictureRoom(), which says how many pictures may come.
 */
export class Composer {
  constructor(actions) {
    this.form = byId("composer");
    this.area = byId("question");
    this.button = byId("send");
    this.attach = byId("attach");
    this.actions = actions;
    this.isRunning = false;
    this.tray = new PictureTray(() => this.refresh());
    byId("tray").replaceWith(this.tray.root);
    this.attach.addEventListener("click", () => this.choosePictures());
    startPictureInput((files) => this.takePictures(files));
    growWithText(this.area);
    this.area.addEventListener("input", () => this.refresh());
    this.area.addEventListener("keydown", (event) => this.onKey(event));
    this.form.addEventListener("submit", (event) => this.onSubmit(event));
    this.form.addEventListener("click", (event) => event.target === this.form && this.focus());
  }

  onKey(event) {
    if (isSendKey(event)) {
      event.preventDefault();
      if (!this.isRunning) this.send();
    } else if (event.key === "ArrowUp" && this.area.value === "") {
      event.preventDefault();
      this.actions.editLast();
    }
  }

  onSubmit(event) {
    event.preventDefault();
    if (this.isRunning) this.actions.stop();
    else this.send();
  }

  send() {
    if (!this.canSend) return;
    const { urls } = this.tray;
    const { left, why } = urls.length ? this.actions.pictureRoom() : {};
    if (urls.length > left) {
      toast(why ?? t("picturesTooMany", { left }));
      return;
    }
    if (!this.actions.send(this.area.value.trim(), urls)) return;
    this.setText("");
    this.tray.clear();
  }

  get canSend() {
    return !this.tray.isReading && (this.area.value.trim() !== "" || this.tray.count > 0);
  }

  choosePictures() {
    const { left, why } = this.actions.pictureRoom();
    if (why || left <= this.tray.count) toast(why ?? t("picturesTooMany", { left }));
    else byId("picture-file").click();
  }

  takePictures(files) {
    const { left, imageSize, why } = this.actions.pictureRoom();
    const pictures = files.filter(isPicture);
    const free = left - this.tray.count;
    if (pictures.length === 0) toast(t("pictureNone"));
    else if (why) toast(why);
    else if (pictures.length > free) toast(t("picturesTooMany", { left }));
    if (pictures.length && free > 0) this.tray.add(pictures.slice(0, free), imageSize);
    this.focus();
  }

  setText(text) {
    this.area.value = text;
    fit(this.area);
    this.refresh();
  }

  setRunning(isRunning) {
    this.isRunning = isRunning;
    this.refresh();
  }

  refresh() {
    setIcon(this.button, this.isRunning ? "stop" : "send");
    setLabel(this.button, this.isRunning ? "stopAnswer" : "send");
    this.button.classList.toggle("is-stop", this.isRunning);
    this.button.disabled = !this.isRunning && !this.canSend;
    this.showRoom();
  }

  // It stays in reach of the keyboard where it does nothing: it then says why.
  showRoom() {
    const { left, why } = this.actions.pictureRoom();
    setLabel(this.attach, "pictureAdd");
    this.attach.setAttribute("aria-disabled", String(left <= this.tray.count));
    this.attach.title = why ?? t("pictureAdd");
    byId("picture-file").multiple = left > 1;
  }

  /** Show it in another language. */
  showWords() {
    this.tray.show();
    this.refresh();
  }

  focus() {
    this.area.focus();
  }
}
