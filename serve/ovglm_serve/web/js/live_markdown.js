// A text that grows, shown as Markdown: only the blocks that changed are made anew.

import { codeBlock } from "./code_block.js";
import { h } from "./dom.js";
import { readBlocks, renderBlock } from "./markdown.js";

export class LiveMarkdown {
  constructor() {
    this.root = h("div", { class: "prose" });
    this.shown = [];
    this.links = 0;
  }

  /** Show the text; what was shown already and has not changed keeps its elements. */
  show(text) {
    const { blocks, links } = readBlocks(text);
    let same = 0;
    while (links === this.links && same < blocks.length && this.shown[same]?.raw === blocks[same].raw) same += 1;
    this.links = links;
    for (const { nodes } of this.shown.splice(same)) nodes.forEach((node) => node.remove());
    for (const block of blocks.slice(same)) {
      const nodes = nodesOf(block);
      this.root.append(...nodes);
      this.shown.push({ raw: block.raw, nodes });
    }
  }
}

function nodesOf(block) {
  const fragment = renderBlock(block);
  for (const table of fragment.querySelectorAll("table")) {
    const frame = h("div", { class: "table-frame", tabindex: "0", role: "group" });
    table.replaceWith(frame);
    frame.append(table);
  }
  for (const pre of fragment.querySelectorAll("pre")) codeBlock(pre);
  return [...fragment.childNodes];
}
