/** Why pieces are bad: a tap takes a reason for all of them, further taps share them out over several. */
import { typed } from "../digits";
import { t } from "../words";
import { h, icon } from "./dom";
import type { Reason, Task } from "./model";
import { offered, rounded } from "./model";
import { named, number, state, type Draft } from "./state";

/** Where the keys of the pad go while the pieces of a further reason are counted. */
export const COUNT = "reason:";

type Change = (more: Partial<Draft>) => void;

const sum = (others: Record<string, string>) => Object.values(others).reduce((total, one) => total + number(one), 0);

/** Gives how many pieces are left for the first reason. */
export const rest = (draft: Draft): number => Math.round((number(draft.bad) - sum(draft.others)) * 1e6) / 1e6;

/** Gives what is wrong with the reasons, in words. */
export function fault(draft: Draft): string {
  if (!draft.reason) return t("选一个不良原因", "Choose why they are bad");
  if (Object.values(draft.others).some((one) => number(one) <= 0)) return t("填每个原因的数量", "Enter how many for each reason");
  if (rest(draft) <= 0) return t("各原因合计多于不良 {n}", "The reasons add up to more than {n}", { n: draft.bad });
  return "";
}

/** Gives the reasons with their quantities, as they are told. */
export function counted(draft: Draft): { reason: string; quantity: string }[] {
  const others = Object.entries(draft.others).map(([reason, quantity]) => ({ reason, quantity: rounded(number(quantity)) }));
  return [{ reason: draft.reason, quantity: rounded(rest(draft)) }, ...others];
}

/** Gives the draft after a key of the pad, while the pieces of a further reason are counted. */
export function typedCount(draft: Draft, key: string): Partial<Draft> {
  const reason = draft.field.slice(COUNT.length);
  return { others: { ...draft.others, [reason]: typed(draft.others[reason] ?? "", key, draft.isFresh).slice(0, 12) } };
}

/** Gives the draft after a tap on a reason: it comes in, with one piece beside others, or goes out. */
export function tapped(draft: Draft, reason: string): Partial<Draft> {
  const { [reason]: held, ...others } = draft.others;
  if (held !== undefined) return { others, field: "bad", isFresh: true };
  if (reason === draft.reason) {
    const [first = "", ...more] = Object.keys(others);
    return { reason: first, others: Object.fromEntries(more.map((one) => [one, others[one]])), field: "bad", isFresh: true };
  }
  if (!draft.reason) return { reason };
  if (number(draft.bad) <= 1) return { reason, others: {} };
  return { others: { ...others, [reason]: "1" }, field: COUNT + reason, isFresh: true };
}

export function whyPart(task: Task, draft: Draft, change: Change): HTMLElement {
  const kind = draft.isRework ? "rework" : "scrap";
  const reasons = offered(state.kept?.day.reasons.filter((one) => one.kind === "both" || one.kind === kind) ?? [], task);
  const isOn = (one: Reason) => one.id === draft.reason || one.id in draft.others;
  const chip = (one: Reason) =>
    h(`button.chip${isOn(one) ? ".is-on" : ""}`, { type: "button", "data-reason": one.code, "aria-pressed": isOn(one) ? "true" : "false", onclick: () => change(tapped(draft, one.id)) }, named(one));
  const turn = (isRework: boolean) => change({ isRework, reason: "", others: {}, field: "bad", isFresh: true });
  const isSeveral = Object.keys(draft.others).length > 0;
  return h("div.why", {},
    h("div.switch", { role: "group", "aria-label": t("不良品", "Bad pieces") },
      h(`button.tab${draft.isRework ? "" : ".is-on"}`, { type: "button", onclick: () => turn(false) }, t("报废", "Scrap")),
      h(`button.tab${draft.isRework ? ".is-on" : ""}`, { type: "button", onclick: () => turn(true) }, t("返工", "Rework"))),
    h("div.chips.chips-scroll", { role: "group", "aria-label": t("不良原因", "Why bad") }, reasons.map(chip)),
    isSeveral ? h("ul.shares", {}, reasons.filter(isOn).sort((one) => (one.id === draft.reason ? -1 : 0)).map((one) => row(one, draft, change))) : null);
}

/** Gives a reason with its pieces: what the first one has is left over, the others are counted. */
function row(one: Reason, draft: Draft, change: Change): HTMLElement {
  if (one.id === draft.reason)
    return h("li.share.count-row", { "data-count": one.code }, h("span", {}, named(one)), h("span.rest", {}, h("small.dim", {}, t("其余", "the rest")), h("b", {}, rounded(rest(draft)))));
  const now = number(draft.others[one.id]);
  const isTyped = draft.field === COUNT + one.id;
  const put = (next: number) => change({ others: { ...draft.others, [one.id]: rounded(next) }, field: COUNT + one.id, isFresh: true });
  return h("li.share.count-row", { "data-count": one.code },
    h("span", {}, named(one)),
    h("button.btn", { type: "button", disabled: now <= 1, "aria-label": t("{name} 少一件", "{name}: one less", { name: named(one) }), onclick: () => put(now - 1) }, icon("minus")),
    h(`button.btn.count${isTyped ? ".is-on" : ""}`, { type: "button", "aria-pressed": isTyped ? "true" : "false", "aria-label": t("{name} 的数量", "{name}: how many", { name: named(one) }), onclick: () => change({ field: COUNT + one.id, isFresh: true }) }, draft.others[one.id] || "0"),
    h("button.btn", { type: "button", "aria-label": t("{name} 多一件", "{name}: one more", { name: named(one) }), onclick: () => put(now + 1) }, icon("plus")));
}
