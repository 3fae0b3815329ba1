// The keys that work anywhere on the page.

/** `actions` is called by the name of what a key does. */
export function startKeyboard(actions) {
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.defaultPrevented || document.querySelector("dialog[open]")) return;
    const name = actionOf(event);
    if (name && actions[name]() !== false) event.preventDefault();
  });
}

function actionOf(event) {
  const hasMod = (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey;
  if (hasMod) return { k: "newChat", ".": "settings", "/": "help" }[event.key.toLowerCase()];
  if (event.key === "Escape") return "escape";
  const isTyping = event.target.closest("input, textarea, select, dialog");
  return event.key === "/" && !isTyping ? "focus" : null;
}
