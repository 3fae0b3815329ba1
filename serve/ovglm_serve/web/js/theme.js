// Light, dark, or as the system has it.

import { byId } from "./dom.js";
import { setLabel } from "./i18n.js";
import { setIcon } from "./icons.js";
import { readValue, writeValue } from "./storage.js";

const NEXT = { system: "light", light: "dark", dark: "system" };
const ICONS = { system: "system", light: "sun", dark: "moon" };
const LABELS = { system: "themeSystem", light: "themeLight", dark: "themeDark" };
const DARK = matchMedia("(prefers-color-scheme: dark)");

/** Let the button go through the three. */
export function startTheme() {
  const button = byId("theme");
  let chosen = readValue("theme", "system");
  if (!(chosen in NEXT)) chosen = "system";
  const apply = () => {
    const isDark = chosen === "dark" || (chosen === "system" && DARK.matches);
    document.documentElement.dataset.theme = isDark ? "dark" : "light";
    setIcon(button, ICONS[chosen]);
    setLabel(button, LABELS[chosen]);
  };
  button.addEventListener("click", () => {
    chosen = NEXT[chosen];
    writeValue("theme", chosen);
    apply();
  });
  DARK.addEventListener("change", apply);
  apply();
}
