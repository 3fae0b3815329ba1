// The ways by which pictures come in: chosen from files or the camera, dropped, or pasted.

import { byId } from "./dom.js";
import { isPicture } from "./pictures.js";

/** Hear of them all; `take(files)` gets what is no picture, too, and says what is wrong with it. */
export function startPictureInput(take) {
  const input = byId("picture-file");
  input.addEventListener("change", () => {
    take([...input.files]);
    input.value = "";
  });
  document.addEventListener("paste", (event) => onPaste(event, take));
  startDrop(take);
}

// Programs that copy tables and words put a picture of them beside the text: the text is meant.
function onPaste(event, take) {
  const files = [...(event.clipboardData?.files ?? [])].filter(isPicture);
  if (files.length === 0 || event.clipboardData.types.includes("text/plain")) return;
  event.preventDefault();
  take(files);
}

// The whole window takes files: beside a smaller target the browser would open them and leave.
function startDrop(take) {
  const sign = byId("drop-here");
  const onEach = (name, handle) => window.addEventListener(name, (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    handle(event);
  });
  onEach("dragover", () => { sign.hidden = false; });
  onEach("dragleave", (event) => { if (!event.relatedTarget) sign.hidden = true; });
  onEach("drop", (event) => {
    sign.hidden = true;
    take([...event.dataTransfer.files]);
  });
}
