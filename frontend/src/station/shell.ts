/** The frame round every screen: which there are, the bar above, going from one to the next. */
import markAddress from "../mark.svg?url";
import { t } from "../words";
import { fill, h, icon, onStage, steady } from "./dom";
import * as queue from "./queue";
import { isBegun, setDraft, state, troubled, waiting } from "./state";

type Draw = () => Node[];

/** A way to a further face of the station, offered in the menu to whom it is for. */
export interface Entry {
  screen: string;
  icon: string;
  text: () => string;
  isFor: () => boolean;
}

const screens: Record<string, Draw> = {};
/** Screens within which one goes back: goes one back, and says whether there is a way back. */
const backs: Record<string, { go: () => boolean; isDeep: () => boolean }> = {};
export const entries: Entry[] = [];
let home: () => string = () => "tasks";

/** Adds a screen; its name is what `go` takes. */
export function addScreen(name: string, draw: Draw, back?: () => boolean, isDeep: () => boolean = () => false): void {
  screens[name] = draw;
  if (back) backs[name] = { go: back, isDeep };
}

/** Says which screen somebody begins with, and comes back to. */
export function setHome(choose: (otherwise: string) => string): void {
  const before = home;
  home = () => choose(before());
}

export const homeScreen = () => home();

/** While a finger is on the screen nothing is drawn anew: what it presses would be gone before it is let go. */
let isPressed = false;
let isOwed = false;
/** After a finger is lifted its click may come so much later. */
const CLICK_MS = 80;

function lifted(): void {
  isPressed = false;
  if (isOwed) render();
}

/** A finger that comes down again so soon (ms) and so near (px) has bounced, or trembled in its glove. */
const [BOUNCE_MS, BOUNCE_PX] = [300, 32];
let touch = { at: -BOUNCE_MS, x: 0, y: 0, said: "" };
/** Whether a bounce has come down on something else than the finger pressed: what came there meanwhile is not meant. */
let isStray = false;

function pressed(event: PointerEvent): void {
  const now = { at: event.timeStamp, x: event.clientX, y: event.clientY, said: (event.target as Element).closest("button")?.textContent ?? "" };
  const isBounce = event.pointerType === "touch" && now.at - touch.at < BOUNCE_MS && Math.hypot(now.x - touch.x, now.y - touch.y) < BOUNCE_PX;
  isStray = isBounce && now.said !== touch.said;
  if (!isStray) touch = now;
  isPressed = true;
}

function clicked(event: Event): void {
  isPressed = false;
  if (isStray) {
    event.stopPropagation();
    event.preventDefault();
  }
  isStray = false;
}

addEventListener("pointerdown", pressed, true);
addEventListener("pointercancel", () => (isStray = false), true);
for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => setTimeout(lifted, CLICK_MS), true);
addEventListener("click", clicked, true);

/** The form of a task is opened most often: left, it stays in the page unseen, so that only what differs is changed when it is opened. */
const KEPT = "task";
/** Whose form stays. */
let keptFor = "";
/** After so long (ms) what has come is drawn, and what was left for it is taken away. */
const DRAWN_MS = 150;

/** Gives a part of the page: that of the bar, of the form that stays, or of any other screen. */
function stage(root: HTMLElement, name: string): HTMLElement {
  const known = root.querySelector<HTMLElement>(`:scope > [data-stage="${name}"]`);
  const found = known ?? h(`div.stage-${name}`, { "data-stage": name });
  if (!known) root.append(found);
  return found;
}

/** Draws the screen as the state has it; on the same screen only what differs is changed. */
export function render(): void {
  isOwed = isPressed;
  if (isPressed) return;
  if (!state.person && state.screen !== "menu") state.screen = "sign";
  const held = document.activeElement?.id;
  const root = document.getElementById("station") as HTMLElement;
  const [bar, any, kept] = ["bar", "any", KEPT].map((name) => stage(root, name));
  if (keptFor !== (state.person?.id ?? "")) kept.replaceChildren();
  keptFor = state.person?.id ?? "";
  onStage("bar");
  fill(bar, [topBar()]);
  const isSame = root.dataset.screen === state.screen;
  onStage(state.screen === KEPT ? KEPT : "any", !isSame && state.screen !== KEPT);
  const screen = state.screen;
  const drawn = (screens[screen] ?? screens[home()])();
  if (state.screen !== screen) return render(); // it had nothing to show
  if (screen === KEPT) fill(kept, drawn);
  else if (isSame) fill(any, drawn);
  else any.replaceChildren(...drawn);
  any.className = `stage-any screen-${screen}`;
  (screen === KEPT ? any : kept).classList.add("is-away");
  (screen === KEPT ? kept : any).classList.remove("is-away");
  if (screen === KEPT && !isSame) setTimeout(() => root.dataset.screen === KEPT && any.replaceChildren(), DRAWN_MS);
  root.dataset.screen = screen;
  if (held && document.activeElement?.id !== held) document.getElementById(held)?.focus();
}

/** Goes to a screen; what was entered at a task stays until it is told or thrown away. */
export function go(screen: string): void {
  state.screen = screen;
  Object.assign(state, { note: "", labelFault: "" });
  if (screen !== "task" && state.draft && !isBegun(state.draft)) void setDraft(null);
  render();
  scrollTo(0, 0);
}

export function topBar(): Node {
  const [count, trouble] = [waiting(), troubled()];
  const inner = backs[state.screen];
  const isBack = Boolean(inner?.isDeep()) || (state.screen !== home() && state.screen !== "sign");
  const who = state.person?.name ?? state.device?.name ?? t("工位", "Station");
  const chip = () => h(
    `button.pill${count ? ".pill-wait" : trouble ? ".pill-warn" : ".pill-ok"}`,
    { type: "button", onclick: () => go("queue"), "data-queue": count, "aria-label": t("队列：{n} 条待发", "Queue: {n} waiting", { n: count }) },
    icon(count ? "cloud-upload" : trouble ? "alert-triangle" : "check"),
    count ? t("{n} 待发", "{n} waiting", { n: count }) : trouble ? t("{n} 未入账", "{n} not booked", { n: trouble }) : t("已同步", "Synced"),
  );
  return steady("bar", [count, trouble, isBack, inner, who, queue.isReached, Boolean(state.person)], () => h(
    "header.bar", {},
    isBack
      ? h("button.plain", { type: "button", onclick: () => inner?.go() || go(state.person ? home() : "sign"), "aria-label": t("返回", "Back") }, icon("arrow-left"))
      : h("img.mark", { src: markAddress, alt: "" }),
    h("strong.who", {}, who),
    queue.isReached ? null : h("span.pill.pill-off", { role: "status" }, icon("wifi-off"), t("离线", "Offline")),
    state.person ? chip() : null,
    h("button.plain", { type: "button", onclick: () => go("menu"), "aria-label": t("菜单", "Menu") }, icon("menu-2")),
  ));
}

export function pad(press: (key: string) => void, hasPoint: boolean, hasSign = false): HTMLElement {
  const keys = ["1", "2", "3", "4", "5", "6", "7", "8", "9", hasPoint ? "." : "", "0", ...(hasSign ? ["±"] : []), "⌫"];
  return h(`div.pad${hasSign ? ".pad-signed" : ""}`, { role: "group", "aria-label": t("数字键", "Number keys") },
    keys.map((key) => key ? h("button.key", { type: "button", "data-key": key, "aria-label": key === "⌫" ? t("退格", "Backspace") : key, onclick: () => press(key) }, key) : h("span")),
  );
}

export const sum = (value: string, label: string) => h("span.sum", {}, h("b", {}, value), h("small", {}, label));

/** Says that sums are not those of the server. */
export const localNote = () =>
  h("p.dim", { "data-local": true }, t("只含这台设备今天的报工，联网后补全。", "Only what this device has told today; the rest comes with the network."));
