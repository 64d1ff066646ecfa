/** Puts language and theme on before the first paint; runs as a plain script in the head. */
(() => {
  const root = document.documentElement;
  const kept = (name: string) => {
    try {
      return localStorage.getItem(`station.${name}`);
    } catch {
      return null;
    }
  };
  const language = kept("language") ?? (navigator.language.startsWith("zh") ? "zh" : "en");
  root.lang = language === "en" ? "en" : "zh-Hans";
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const put = () => root.setAttribute("data-bs-theme", kept("theme") ?? (dark.matches ? "dark" : "light"));
  put();
  dark.addEventListener("change", put);
})();
