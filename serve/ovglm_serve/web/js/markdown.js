// Markdown to elements. Every piece of HTML of this page is made here, and goes through the sanitizer.

import createPurify from "../vendor/dompurify/purify.es.mjs";
import hljs from "../vendor/highlight/highlight.min.js";
import { Marked } from "../vendor/marked/marked.esm.js";

const TAGS = [
  "p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "strong", "em", "del", "code", "pre", "span",
  "blockquote", "ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td", "a",
];
const RULES = {
  ALLOWED_TAGS: TAGS,
  ALLOWED_ATTR: ["class", "href", "title", "start", "align"],
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:)/i,
  ADD_URI_SAFE_ATTR: ["align", "start"],
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
};
// Highlighting longer code would be noticed while it streams in.
const LONGEST_HIGHLIGHTED = 20000;

const purify = createPurify(window);
const marked = new Marked({ gfm: true, breaks: true });
marked.use({ renderer: { html: showTags, image: linkImage, code: highlight, checkbox: drawBox } });

/** Cut a text into its blocks; `links` counts the addresses that it defines for all of them. */
export function readBlocks(text) {
  const tokens = marked.lexer(text);
  const blocks = tokens.filter(({ type }) => type !== "space" && type !== "def");
  return { blocks, links: Object.keys(tokens.links).length };
}

/** Make the elements of one block. */
export function renderBlock(block) {
  const fragment = purify.sanitize(marked.parser([block]), RULES);
  for (const link of fragment.querySelectorAll("a")) {
    link.target = "_blank";
    link.rel = "noopener noreferrer";
  }
  return fragment;
}

// Tags in an answer are shown as they were written; only a line break is obeyed.
function showTags({ text }) {
  return /^<br\s*\/?>$/i.test(text.trim()) ? "<br>" : escapeHtml(text);
}

// No picture is ever fetched: its address could carry the conversation away.
function linkImage({ href, text }) {
  return `<a href="${escapeHtml(href)}">${escapeHtml(text || href)}</a>`;
}

function highlight({ text, lang }) {
  const language = (lang ?? "").trim().split(/\s+/, 1)[0];
  const known = language && hljs.getLanguage(language) && text.length < LONGEST_HIGHLIGHTED;
  const body = known ? hljs.highlight(text, { language, ignoreIllegals: true }).value : escapeHtml(text);
  return `<pre><code title="${escapeHtml(language)}">${body}\n</code></pre>`;
}

function drawBox({ checked }) {
  return `<span class="box">${checked ? "☑" : "☐"}</span> `;
}

function escapeHtml(text) {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
