/** What all screens of the warehouse share: the day, where somebody is, the scan, quantities, what is told. */
import { h, icon } from "../dom";
import { newId } from "../ids";
import { openLabels, size } from "../labels";
import { Refused } from "../link";
import type { Act, Person } from "../model";
import { rounded } from "../model";
import { t } from "../../words";
import * as alarm from "./alarm";
import * as data from "./data";

/** What the station gives to its second face. */
export interface Host {
  person: () => Person | null;
  ticket: () => string;
  acts: () => Act[];
  isShown: () => boolean;
  isReached: () => boolean;
  tell: (act: Omit<Act, "seq">) => Promise<void>;
  render: () => void;
  pad: (press: (key: string) => void, hasPoint: boolean) => HTMLElement;
}

/** Where somebody is: a screen with what is filled in there; kept on the phone, so that a reload takes nothing. */
export interface At {
  name: string;
  [more: string]: any;
}

export interface Desk {
  host: Host;
  day: data.Day;
  at: At;
  go: (name: string, more?: Record<string, unknown>) => void;
  replace: (name: string, more?: Record<string, unknown>) => void;
  change: (more: Record<string, unknown>) => void;
  /** Keeps what is being typed, without drawing anything anew. */
  hold: (more: Record<string, unknown>) => void;
  /** Goes one back; what is given is laid into what was filled in there. */
  back: (more?: Record<string, unknown>) => void;
  /** Goes to the first screen with a word on what was done; what is given is laid into it. */
  home: (note?: string, more?: Record<string, unknown>) => void;
  may: (right: string) => boolean;
  refresh: () => Promise<void>;
  busy: (work: () => Promise<void>) => Promise<void>;
  fault: string;
}

export interface Screen {
  draw: (desk: Desk) => (HTMLElement | null)[];
  scan?: (desk: Desk, named: data.Named | null, text: string) => void | Promise<void>;
}

export const isChinese = () => document.documentElement.lang.startsWith("zh");
export const unit = (one: { unit: string; unit_en?: string }) => (isChinese() ? one.unit : one.unit_en || one.unit);
export const placeOf = (desk: Desk, id: string) => desk.day.places.find((one) => one.id === id);
export const codeOf = (desk: Desk, id: string) => placeOf(desk, id)?.code ?? "";
export const day = (text: string) => (text ? text.slice(5, 10) : "");

/** Keeps something that was done, to be sent when there is a network; gives its key. */
export async function tell(desk: Desk, kind: Act["kind"], body: Record<string, unknown>, said: string): Promise<string> {
  const made = { id: newId(), kind, at: new Date().toISOString(), parts: [], body, said: said.slice(0, 300) };
  await desk.host.tell({ ...made, _person: desk.host.person()?.id ?? "", _state: "waiting" });
  navigator.vibrate?.(30);
  return made.id;
}

/** Does something that needs the network; says so plainly where there is none. */
export async function live<T>(desk: Desk, kind: string, record: string, body: unknown, done: (told: T) => void): Promise<void> {
  await desk.busy(async () => done(await data.live<T>(kind, record, body, desk.host.ticket())));
}

export async function ask<T>(desk: Desk, path: string, done: (told: T) => void): Promise<void> {
  await desk.busy(async () => done(await data.now<T>(path, desk.host.ticket())));
}

/** Opens labels as pages to print, in the size this device was told. */
export const print = (desk: Desk, noun: string, ids: string[]): Promise<void> =>
  desk.busy(() => openLabels("warehouse/label", desk.host.ticket(), { noun, ids, size: size() }));

/** What is said of a fault: a refusal in its own words, and a missing network as what it is. */
export function said(fault: unknown): string {
  if (fault instanceof Refused) return fault.message;
  return t("没有网络：这一步要按实时库存来做，等网络恢复后再按一次。", "No network: this needs the stock of this moment. Press again when it is back.");
}

// --- parts of screens

export const row = (onclick: () => void, words: Record<string, unknown>, ...children: (HTMLElement | SVGElement | string | null)[]) =>
  h("li", {}, h("button.task.ware-row", { type: "button", onclick, ...words }, ...children));

export const empty = (text: string) => h("p.empty", {}, text);

export const head = (title: string, under = "") => h("div.ware-head", {}, h("h1", {}, title), under ? h("p.dim", {}, under) : null);

export const next = (text: string, onclick: () => void, words: Record<string, unknown> = {}, name = "check") =>
  h("button.btn.btn-primary.btn-huge.finish", { type: "button", "data-next": true, onclick, ...words }, icon(name), text);

export const what = (one: data.Item, more = "") =>
  h("p.ware-what", {}, h("b", {}, one.code), ` ${one.name}`, more ? h("small.dim", {}, more) : null);

/** Says that a screen needs the network, where there is none. */
export const liveNote = (desk: Desk) =>
  desk.host.isReached() || desk.fault
    ? null
    : h("p.warn", { role: "status", "data-offline": true }, icon("wifi-off"), t("现在没有网络。这里要查实时库存，等网络恢复；到货、入库、移库、盘点可以先做。", "No network now. This needs the stock of this moment and waits for it; arrivals, put-away, moves and counts go on."));

/** A quantity that is typed on the pad; the first key replaces what stands there. */
export function quantity(desk: Desk, label: string, one: data.Item, key = "quantity", most?: string): HTMLElement {
  const text = String(desk.at[key] ?? "");
  const isOn = (desk.at.field ?? "quantity") === key;
  return h(`button.entry${isOn ? ".is-on" : ""}${key === "bad" ? ".entry-bad" : ""}`, { type: "button", "data-quantity": key, onclick: () => desk.change({ field: key, isFresh: true }) },
    h("small", {}, most === undefined ? label : `${label} · ${t("共 {n}", "of {n}", { n: most })}`), h("b", {}, `${text || "0"} `, h("small", {}, unit(one))));
}

export function pad(desk: Desk, one: data.Item): HTMLElement {
  const key = desk.at.field ?? "quantity";
  const press = (pressed: string) => {
    const before = desk.at.isFresh ? "" : String(desk.at[key] ?? "");
    let after = before;
    if (pressed === "⌫") after = String(desk.at[key] ?? "").slice(0, -1);
    else if (pressed === ".") after = before.includes(".") ? before : `${before || "0"}.`;
    else after = before === "0" ? pressed : before + pressed;
    desk.change({ [key]: after.slice(0, 12), isFresh: false });
  };
  return desk.host.pad(press, one.places > 0);
}

/** Where something goes or comes from, large; with what was scanned there. */
export function place(desk: Desk, id: string, why: string, isSeen: boolean): HTMLElement {
  const one = placeOf(desk, id);
  return h(`div.ware-place${isSeen ? ".is-seen" : ""}`, { "data-place": one?.code ?? "" }, icon(isSeen ? "check" : "map-pin"),
    h("span", {}, h("b", {}, one?.code ?? t("扫库位", "Scan a bin")), h("small", {}, [isChinese() ? one?.name : one?.name_en || one?.name, why].filter(Boolean).join(" · "))));
}

export const sum = (...values: (string | number)[]) => rounded(values.reduce((total: number, one) => total + data.number(one), 0));

/** Says which of what was scanned is a wrong one, in colour and sound. */
export function notThis(scanned: string, wanted: string): void {
  alarm.wrong(t("扫错了！", "Wrong one!"), t("扫到 {scanned}，应为 {wanted}", "{scanned} was scanned, {wanted} is wanted", { scanned, wanted }));
}

/** Gives whether a label is of the item (or of the lot) that is wanted; what is not sounds the alarm.
 * Takes: other: what to do where somebody wants another lot of the item all the same */
export function isRight(desk: Desk, named: data.Named | null, text: string, wanted: { item: string; code: string; tracking: string; lot: string; lot_number: string }, other?: (lot: data.Lot) => void): boolean {
  const target = wanted.lot ? `${wanted.code} · ${wanted.lot_number}` : wanted.code;
  const lot = named?.noun === "l" ? desk.day.lots.find((one) => one.id === named.id) : undefined;
  if (lot && lot.state !== "released") {
    alarm.wrong(t("冻结批次！", "Lot on hold!"), t("批次 {lot} 已冻结，不能领用或发货。请放到一边，找质量。", "Lot {lot} is on hold: it can be neither issued nor shipped. Set it aside and ask quality.", { lot: lot.number }), "held");
    return false;
  }
  if (named?.noun === "l" ? named.id === wanted.lot : named?.noun === "i" && named.id === wanted.item && !wanted.lot) {
    alarm.right();
    return true;
  }
  if (lot && lot.item === wanted.item)
    alarm.wrong(t("批次不对！", "Wrong lot!"), t("应先出批次 {wanted}（先到期、先进先出），扫到的是 {lot}", "Lot {wanted} goes first (first expiry, first in); {lot} was scanned", { wanted: wanted.lot_number, lot: lot.number }), "wrong", other && { text: t("还是用这个批次", "Take this lot all the same"), onclick: () => other(lot) });
  else if (named?.noun === "i" && named.id === wanted.item)
    alarm.wrong(t("请扫批次标签", "Scan the lot's label"), t("{code} 按批次管理，应为批次 {wanted}", "{code} is tracked by lot: lot {wanted} is wanted", { code: wanted.code, wanted: wanted.lot_number }));
  else notThis(named?.code ?? text.slice(0, 40), target);
  return false;
}
