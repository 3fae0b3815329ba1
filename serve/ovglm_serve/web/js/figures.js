// The figures of an answer in one quiet line.

import { h } from "./dom.js";
import { formatNumber, t } from "./i18n.js";

/** Make the line; figures that are not exact yet are marked as such. */
export function figuresLine({ speed, tokens, first_s, device, is_exact, prompt_tokens, cached_tokens }) {
  const about = is_exact ? "" : "≈ ";
  const parts = [];
  if (speed) parts.push(about + t("speed", { speed: formatNumber(speed, speed < 100 ? 1 : 0) }));
  parts.push(about + t(tokens === 1 ? "oneToken" : "tokens", { count: formatNumber(tokens) }));
  parts.push(t("first", { seconds: formatNumber(first_s, first_s < 10 ? 2 : 1) }));
  if (device) parts.push(device);
  const title = prompt_tokens === null ? null : t("promptTokens", {
    count: formatNumber(prompt_tokens),
    cached: formatNumber(cached_tokens ?? 0),
  });
  return h("span", { class: "figures", title }, ...parts.map((text) => h("span", { text })));
}
