/** What is seldom needed: one's day, language, light, leaving. */
import { t } from "../words";
import { fetchDay } from "./day";
import { h, icon } from "./dom";
import * as queue from "./queue";
import { addScreen, entries, go, homeScreen, render } from "./shell";
import { leave } from "./sign";
import { isChinese, state } from "./state";

export function menuScreen(): HTMLElement[] {
  const put = (name: string, value: string) => {
    localStorage.setItem(`station.${name}`, value);
    if (name === "language") document.documentElement.lang = value === "en" ? "en" : "zh-Hans";
    else document.documentElement.setAttribute("data-bs-theme", value);
    render();
  };
  const isDark = document.documentElement.getAttribute("data-bs-theme") === "dark";
  const button = (name: string, text: string, act: () => void) => h("button.btn.btn-tall", { type: "button", onclick: act }, icon(name), text);
  return [
    h("main.narrow", {},
      state.device ? h("p.dim", {}, `${state.device.code} ${state.device.name}`) : null,
      state.person ? ready() : null,
      state.person ? button("list-check", t("我的今天", "My day"), () => go("today")) : null,
      entries.filter((one) => one.isFor()).map((one) => button(one.icon, one.text(), () => go(one.screen))),
      button("refresh", t("刷新任务", "Refresh tasks"), () => { go(homeScreen()); queue.send(); void fetchDay(); }),
      button("language", isChinese() ? "English" : t("中文", "Chinese"), () => put("language", isChinese() ? "en" : "zh")),
      button("sun-moon", isDark ? t("浅色", "Light") : t("深色", "Dark"), () => put("theme", isDark ? "light" : "dark")),
      state.person ? button("logout", t("换人 / 退出", "Change person / sign out"), () => void leave()) : null,
    ),
  ];
}

/** Says what is on the device for a shift without a network. */
function ready(): HTMLElement {
  const at = (instant: number) => new Date(instant).toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" });
  const line = (isThere: boolean, text: string, words: Record<string, string>) => h("li", words, icon(isThere ? "check" : "clock"), text);
  return h("ul.ready", { "aria-label": t("没有网络时可用", "Without a network") },
    line(Boolean(state.kept), state.kept ? t("任务：{at} 取得", "Tasks: of {at}", { at: at(state.kept.asked) }) : t("任务：还没有取到", "Tasks: none yet"), {}),
    line(state.canScan, state.canScan ? t("扫码：没有网络也能扫", "Scanner: works without a network") : t("扫码：组件还在取，取到后没有网络也能扫", "Scanner: still being fetched; then it works without a network"), { "data-scanner": state.canScan ? "kept" : "coming" }));
}

addScreen("menu", menuScreen);
