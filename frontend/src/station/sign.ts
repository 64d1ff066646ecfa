/** Signing in: pairing the device, badge, PIN, or the product's own session. */
import { t } from "../words";
import { fetchDay } from "./day";
import { h, icon, steady } from "./dom";
import type { KeptDay, Person } from "./model";
import * as people from "./people";
import * as queue from "./queue";
import { addScreen, homeScreen, pad, render } from "./shell";
import { dropDrafts, state } from "./state";
import * as store from "./store";

/** What is done once somebody has signed in: the label that brought them is opened. */
export const afterwards: (() => Promise<void>)[] = [];

/** Where an account is signed in to: back to the label that was scanned, which knows where each belongs. */
const back = () => (location.hash.startsWith("#/go/") ? location.hash.slice(1) : "/station/");

export async function enter(person: Person): Promise<void> {
  if ((await store.fact<string>("current")) !== person.id) await dropDrafts();
  await store.keep("current", person.id);
  state.known = await people.people();
  state.person = person;
  state.device = await people.device();
  state.kept = (await store.fact<KeptDay>(`day.${person.id}`)) ?? null;
  state.sign = { code: "", pin: "", pairing: "", fault: "", isBusy: false, field: "code" };
  state.screen = homeScreen();
  render();
  queue.send();
  await fetchDay();
  for (const next of afterwards) await next();
}

export async function leave(): Promise<void> {
  await store.forget("current");
  await dropDrafts();
  Object.assign(state, { person: null, kept: null, screen: "sign", done: null });
  render();
}

export async function trySign(proof: { badge?: string; code?: string; pin?: string }): Promise<void> {
  if (state.sign.isBusy) return;
  Object.assign(state.sign, { isBusy: true, fault: "" });
  render();
  try {
    await enter(await people.signIn(proof));
  } catch (fault) {
    state.device = await people.device();
    Object.assign(state.sign, { isBusy: false, pin: "", fault: fault instanceof Error ? fault.message : "" });
    render();
  }
}

export async function tryPair(): Promise<void> {
  try {
    state.device = await people.pair(state.sign.pairing);
    state.sign.fault = "";
  } catch (fault) {
    state.sign.fault = (fault instanceof Error && fault.message) || t("没有网络，不能配对", "No network: the device cannot be paired");
  }
  render();
}

export async function scanBadge(): Promise<void> {
  const { scan } = await import("./scan");
  const text = await scan(t("扫工牌", "Scan your badge"));
  if (text) await trySign({ badge: text });
}

export function signScreen(): HTMLElement[] {
  const sign = state.sign;
  const fault = sign.fault ? h("p.fault", { role: "alert" }, sign.fault) : null;
  if (!state.device) {
    const input = h("input.field.field-big", { id: "pairing", value: sign.pairing, placeholder: "XXXXX-XXXXX", "aria-label": t("配对码", "Pairing code"), autocapitalize: "characters", autocomplete: "off", spellcheck: "false", oninput: (e: Event) => (sign.pairing = (e.target as HTMLInputElement).value) });
    return [
      h("main.narrow", {},
        h("h1", {}, t("工位", "Station")),
        fault,
        h("a.btn.btn-primary.btn-tall", { href: `/login?next=${encodeURIComponent(back())}` }, icon("user-circle"), t("用账号登录（自己的手机）", "Sign in with an account (own phone)")),
        h("p.or", {}, t("或把这台设备配对成工位", "Or pair this device as a station")),
        h("form.stack", { onsubmit: (e: Event) => { e.preventDefault(); void tryPair(); } }, input, h("button.btn.btn-tall", {}, icon("device-tablet"), t("配对", "Pair"))),
      ),
    ];
  }
  const faces = Object.values(state.known).slice(-6).reverse();
  const field = (name: "code" | "pin", label: string, shown: string) =>
    h(`button.entry${sign.field === name ? ".is-on" : ""}`, { type: "button", "data-field": name, onclick: () => { sign.field = name; render(); } }, h("small", {}, label), h("b", {}, shown || " "));
  const key = (text: string) => {
    const before = sign[sign.field];
    sign[sign.field] = text === "⌫" ? before.slice(0, -1) : (before + text).slice(0, sign.field === "pin" ? 12 : 20);
    render();
  };
  return [
    h("main.narrow", {},
      h("button.btn.btn-primary.btn-huge", { type: "button", onclick: () => void scanBadge() }, icon("qrcode"), t("扫工牌登录", "Scan badge")),
      fault,
      faces.length ? h("div.chips", {}, faces.map((one) => h(`button.chip${sign.code === one.person.code ? ".is-on" : ""}`, { type: "button", onclick: () => { Object.assign(sign, { code: one.person.code, field: "pin", pin: "" }); render(); } }, one.person.name))) : null,
      h("div.pair", {},
        sign.field === "code"
          ? h("label.entry.is-on", {}, h("small", {}, t("工号", "Code")), h("input", { id: "sign-code", value: sign.code, autocapitalize: "characters", autocomplete: "off", spellcheck: "false", oninput: (e: Event) => (sign.code = (e.target as HTMLInputElement).value) }))
          : field("code", t("工号", "Code"), sign.code),
        field("pin", "PIN", "●".repeat(sign.pin.length)),
      ),
      steady("keys", [], () => pad(key, false)),
      h("button.btn.btn-primary.btn-tall", { type: "button", disabled: sign.isBusy, onclick: () => void trySign({ code: sign.code, pin: sign.pin }) }, icon("id-badge-2"), t("登录", "Sign in")),
    ),
  ];
}

addScreen("sign", signScreen);
