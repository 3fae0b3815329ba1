// The settings of a conversation: their names, kinds and limits. An empty one is left to the server.

export const SAMPLING = [
  { name: "temperature", kind: "number", min: 0, max: 2, step: 0.05, hasSlider: true, middle: 0.8 },
  { name: "top_p", kind: "number", min: 0.01, max: 1, step: 0.01, hasSlider: true, middle: 1 },
  { name: "max_tokens", kind: "integer", min: 1, step: 1 },
  { name: "seed", kind: "integer", min: 0, step: 1 },
];

export const MORE_SAMPLING = [
  { name: "top_k", kind: "integer", min: 0, step: 1 },
  { name: "min_p", kind: "number", min: 0, max: 0.99, step: 0.01 },
  { name: "repetition_penalty", kind: "number", min: 0.01, max: 10, step: 0.05 },
  { name: "presence_penalty", kind: "number", min: -2, max: 2, step: 0.1 },
  { name: "frequency_penalty", kind: "number", min: -2, max: 2, step: 0.1 },
  { name: "stop", kind: "lines", most: 4 },
];

export const SYSTEM = { name: "system", kind: "text" };
export const THINKING = { name: "thinking", kind: "choice", choices: ["", "on", "off"] };
export const TOOLS = { name: "tools", kind: "tools" };

const FIELDS = [SYSTEM, ...SAMPLING, ...MORE_SAMPLING, THINKING, TOOLS];

/** What is wrong with a setting: a key of the words with its values, or null. */
export function problemOf(field, text) {
  if (text.trim() === "") return null;
  if (field.kind === "number" || field.kind === "integer") return numberProblem(field, Number(text));
  if (field.kind === "lines" && linesOf(text).length > field.most) return ["tooManyLines", { most: field.most }];
  if (field.kind === "tools" && !toolsOf(text)) return ["badTools", {}];
  return null;
}

function numberProblem({ kind, min, max }, value) {
  const isWhole = kind === "number" || Number.isInteger(value);
  if (Number.isFinite(value) && isWhole && value >= min && value <= (max ?? Infinity)) return null;
  return max === undefined ? ["atLeast", { min }] : ["between", { min, max }];
}

/** The first setting with a problem, or null. */
export function firstProblem(settings) {
  return FIELDS.find((field) => problemOf(field, settings[field.name] ?? "")) ?? null;
}

/** The settings of an object that are known, and texts. */
export function cleanSettings(raw) {
  const known = FIELDS.filter(({ name }) => typeof raw?.[name] === "string");
  return Object.fromEntries(known.map(({ name }) => [name, raw[name]]));
}

/** The request's fields that the settings come to. */
export function wireFields(settings) {
  const fields = {};
  for (const { name, kind } of [...SAMPLING, ...MORE_SAMPLING, TOOLS]) {
    const text = settings[name] ?? "";
    if (text.trim() === "") continue;
    fields[name] = { lines: linesOf, tools: toolsOf }[kind]?.(text) ?? Number(text);
  }
  if (settings.thinking) fields.chat_template_kwargs = { enable_thinking: settings.thinking === "on" };
  return fields;
}

function linesOf(text) {
  return text.split("\n").filter((line) => line !== "");
}

function toolsOf(text) {
  try {
    const tools = JSON.parse(text);
    const isList = Array.isArray(tools) && tools.length > 0;
    return isList && tools.every((tool) => typeof tool?.function?.name === "string") ? tools : null;
  } catch {
    return null;
  }
}
