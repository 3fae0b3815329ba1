// JSON values in the browser's own storage. Storage may be closed or full: then nothing is kept.

const PREFIX = "ovglm.";

/** Read a value; `otherwise` where there is none that can be read. */
export function readValue(key, otherwise, shelf = "localStorage") {
  try {
    const text = window[shelf].getItem(PREFIX + key);
    return text === null ? otherwise : JSON.parse(text);
  } catch {
    return otherwise;
  }
}

/** Keep a value; false where it could not be kept. */
export function writeValue(key, value, shelf = "localStorage") {
  try {
    window[shelf].setItem(PREFIX + key, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

export function removeValue(key, shelf = "localStorage") {
  try {
    window[shelf].removeItem(PREFIX + key);
  } catch {
    // Closed storage holds nothing to remove.
  }
}

/** List the keys that begin with `start`. */
export function listKeys(start) {
  try {
    return Object.keys(localStorage)
      .filter((key) => key.startsWith(PREFIX + start))
      .map((key) => key.slice(PREFIX.length));
  } catch {
    return [];
  }
}

/** Call back with the key when another tab changed a value. */
export function onOtherTab(listener) {
  window.addEventListener("storage", (event) => {
    if (event.key?.startsWith(PREFIX)) listener(event.key.slice(PREFIX.length));
  });
}
