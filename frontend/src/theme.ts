/** Puts the theme on before the first paint; runs as a plain script in the head. */
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const put = () => {
    const wish = root.dataset.themeWish;
    root.setAttribute("data-bs-theme", wish === "light" || wish === "dark" ? wish : dark.matches ? "dark" : "light");
  };
  put();
  dark.addEventListener("change", put);
})();
