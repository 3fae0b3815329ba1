// What the page's text areas have in common: they grow with their text, and Enter sends.

/** Let an area be as high as its text; the style sheet sets the limit. */
export function growWithText(area) {
  area.addEventListener("input", () => fit(area));
}

/** Make the height right after the text was set by program. */
export function fit(area) {
  area.style.height = "auto";
  area.style.height = `${area.scrollHeight}px`;
}

/** Say whether a key sends: Enter alone, and not the one that ends a Chinese word under composition. */
export function isSendKey(event) {
  const isPlain = !event.shiftKey && !event.ctrlKey && !event.altKey && !event.metaKey;
  const isComposing = event.isComposing || event.keyCode === 229;
  return event.key === "Enter" && isPlain && !isComposing;
}
