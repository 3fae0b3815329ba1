// A block of code with its language and a button that copies it.

import { copyButton } from "./copy.js";
import { h } from "./dom.js";

/** Frame a `pre` that is in the document or a fragment. */
export function codeBlock(pre) {
  const code = pre.querySelector("code");
  const language = code?.title ?? "";
  code?.removeAttribute("title");
  pre.tabIndex = 0;
  const copy = copyButton(() => pre.textContent.replace(/\n$/, ""), "copyCode");
  const head = h("figcaption", { class: "code-head" }, h("span", { text: language }), copy);
  const frame = h("figure", { class: "code" });
  pre.replaceWith(frame);
  frame.append(head, pre);
}
