// Sets the theme before anything is painted, so that a dark page never flashes white.
(() => {
  let chosen = null;
  try {
    chosen = JSON.parse(localStorage.getItem("ovglm.theme"));
  } catch {
    // Storage that is closed or damaged: the system's theme it is.
  }
  const isDark = chosen === "dark"
    || (chosen !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = isDark ? "dark" : "light";
})();
