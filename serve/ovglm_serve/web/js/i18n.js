// The page's language: the browser's, until another is chosen.

import { readValue, writeValue } from "./storage.js";
import { en } from "./words/en.js";
import { zh } from "./words/zh.js";

const WORDS = { en, zh };
const KEY = "language";
const listeners = [];
let language = readValue(KEY, null) ?? ofBrowser();
if (!(language in WORDS)) language = ofBrowser();

function ofBrowser() {
  const first = (navigator.languages ?? [navigator.language]).find((tag) => /^(zh|en)\b/i.test(tag));
  return first?.toLowerCase().startsWith("zh") ? "zh" : "en";
}

/** Give the text of a key, with {name}s filled in. */
export function t(key, values = {}) {
  const text = WORDS[language][key];
  if (text === undefined) throw new Error(`no words for ${key}`);
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

export function currentLanguage() {
  return language;
}

/** Change the language, remember it, and tell everyone who shows words. */
export function setLanguage(next) {
  language = next;
  writeValue(KEY, next);
  applyWords();
  for (const listener of listeners) listener();
}

/** Call back when the language changes. */
export function onLanguage(listener) {
  listeners.push(listener);
}

/** Write the words of index.html. */
export function applyWords() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const node of document.querySelectorAll("[data-words]")) node.textContent = t(node.dataset.words);
  for (const node of document.querySelectorAll("[data-placeholder]")) node.placeholder = t(node.dataset.placeholder);
  for (const node of document.querySelectorAll("[data-label]")) setLabel(node, node.dataset.label);
}

/** Name a control for screen readers, and for the mouse where it is a button. */
export function setLabel(node, key) {
  node.dataset.label = key;
  node.setAttribute("aria-label", t(key));
  if (node.tagName === "BUTTON") node.title = t(key);
}

/** Write a number as the language does. */
export function formatNumber(value, digits = 0) {
  const options = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return new Intl.NumberFormat(language, options).format(value);
}
