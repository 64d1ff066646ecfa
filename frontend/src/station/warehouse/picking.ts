/** What needs the stock of this moment: picking, issuing, shipping, what comes back from an order, what one borrows. */
import { h, icon } from "../dom";
import { t } from "../../words";
import * as alarm from "./alarm";
import type { Item, Lot, Shipment, Step, Work } from "./data";
import { rounded } from "../model";
import { number } from "./data";
import type { Desk, Screen } from "./desk";
import { ask, day, empty, head, isRight, live, liveNote, next, notThis, pad, place, quantity, row, unit, what } from "./desk";

interface Walk {
  steps: Step[];
  missing: (Item & { missing: string })[];
  shipment?: string;
}

function walkOrder(desk: Desk, one: Work): void {
  void live<Walk>(desk, "pick", "", { work_order: one.id }, (walk) => begin(desk, walk, "issue", one.id, one.number));
}

function walkShipment(desk: Desk, one: Shipment): void {
  if (one.kind === "order") void live<Walk>(desk, "prepare", one.id, {}, (walk) => begin(desk, walk, "ship", walk.shipment ?? "", one.number));
  else void ask<Walk>(desk, `shipment?id=${one.id}`, (walk) => begin(desk, walk, "ship", one.id, one.number));
}

function begin(desk: Desk, walk: Walk, way: "issue" | "ship", record: string, title: string): void {
  desk.go("walk", { way, record, title, steps: walk.steps, missing: walk.missing, took: {}, quantity: walk.steps[0]?.quantity ?? "", isFresh: true, seen: "", bin: "" });
}

const workRow = (one: Work, onclick: () => void) =>
  row(onclick, { "data-work": one.number },
    h("span.task-head", {}, h("b", {}, one.number), one.priority === "urgent" ? h("span.tag.tag-red", {}, t("紧急", "Urgent")) : null), h("span.task-item", {}, `${one.code} ${one.name}`), h("span.task-foot", {}, t("交期 {day}", "Due {day}", { day: day(one.due) })), h("span.task-room", {}, h("b", {}, String(one.open)), h("small", {}, t("待领", "to issue"))));

/** Work orders and shipments that material is to be fetched for. */
export const picks: Screen = {
  draw: (desk) => {
    const work = desk.day.work.filter((one) => one.open > 0);
    return [
      head(t("拣料发货", "Pick"), t("扫流转卡或发货单，或选一张", "Scan a traveller or a shipment, or choose one")),
      liveNote(desk),
      desk.day.shipments.length ? h("h2", {}, t("发货", "Shipments"), h("span.count", {}, String(desk.day.shipments.length))) : null,
      h("ul.list", {}, desk.day.shipments.slice(0, 50).map((one) => row(() => walkShipment(desk, one), { "data-shipment": one.number },
        h("span.task-head", {}, h("b", {}, one.party)), h("span.task-item", {}, one.number), h("span.task-foot", {}, one.kind === "order" ? t("要备货", "to be prepared") : t("已备货", "prepared")), h("span.task-room", {}, h("b", {}, String(one.lines)), h("small", {}, t("行", "lines")))))),
      h("h2", {}, t("工单领料", "Work orders"), h("span.count", {}, String(work.length))),
      work.length ? h("ul.list", {}, work.slice(0, 80).map((one) => workRow(one, () => walkOrder(desk, one)))) : empty(t("没有要领料的工单。", "No work order waits for material.")),
    ];
  },
  scan: (desk, named, text) => {
    const work = desk.day.work.find((one) => named?.noun === "w" && one.id === named.id);
    const shipment = desk.day.shipments.find((one) => named && one.id === named.id);
    if (work) walkOrder(desk, work);
    else if (shipment) walkShipment(desk, shipment);
    else notThis(named?.code ?? text.slice(0, 40), t("工单或发货单", "a work order or a shipment"));
  },
};

const steps = (desk: Desk): Step[] => desk.at.steps as Step[];
const took = (desk: Desk): Record<string, string> => desk.at.took as Record<string, string>;
const current = (desk: Desk): Step | undefined => steps(desk).find((one) => !(one.key in took(desk)));

/** One walk past all bins, one at a time: go there, scan the label, take it. */
export const walk: Screen = {
  draw: (desk) => {
    const step = current(desk);
    const all = steps(desk);
    const missing = desk.at.missing as Walk["missing"];
    if (!step) return finish(desk, all, missing);
    const done = Object.keys(took(desk)).length;
    const isHeld = step.lot_state && step.lot_state !== "released";
    return [
      h("div.ware-steps", {}, h("b", {}, `${done + 1}/${all.length}`), h("progress", { max: all.length, value: done, "aria-label": t("进度", "Progress") }), h("span.dim", {}, desk.at.title)),
      place(desk, step.location, "", desk.at.bin === step.location),
      what(step, step.lot_number ? ` ${t("批次", "Lot")} ${step.lot_number}${step.expires ? ` · ${t("到期", "expires")} ${step.expires}` : ""}` : ""),
      isHeld ? h("p.fault", { role: "alert" }, icon("lock"), t("这个批次已冻结，不能拿。", "This lot is on hold and is not to be taken.")) : null,
      quantity(desk, t("拿多少", "Take"), step, "quantity", step.quantity),
      desk.at.seen === step.key
        ? next(t("拿好了 {n} {unit}", "Taken: {n} {unit}", { n: desk.at.quantity || "0", unit: unit(step) }), () => take(desk, step), { disabled: Boolean(isHeld) || number(desk.at.quantity) > number(step.quantity) || !number(desk.at.quantity) })
        : h("p.note", { role: "status" }, icon("barcode"), step.lot ? t("扫批次标签", "Scan the lot's label") : t("扫物料标签", "Scan the item's label")),
      pad(desk, step),
      h("button.btn.btn-tall", { type: "button", "data-skip": true, onclick: () => take(desk, step, "0") }, t("这里没有，跳过", "Not there: pass by")),
    ];
  },
  scan: (desk, named, text) => {
    const step = current(desk);
    if (!step) return;
    if (named?.noun === "b") {
      if (named.id !== step.location) return notThis(named.code, step.bin);
      alarm.right();
      return desk.change({ bin: named.id });
    }
    const other = (lot: Lot) => desk.go("other_lot", { step, took: took(desk), quantity: step.quantity, isFresh: true, lot: lot.id, number: lot.number, way: desk.at.way, reason: "", isTyped: false });
    if (isRight(desk, named, text, step, step.lot && desk.may("handheld.other_lot.take") ? other : undefined)) desk.change({ seen: step.key });
  },
};

function take(desk: Desk, step: Step, count = String(desk.at.quantity)): void {
  const all = { ...took(desk), [step.key]: count };
  const following = steps(desk).find((one) => !(one.key in all));
  desk.change({ took: all, quantity: following?.quantity ?? "", isFresh: true, seen: "" });
}

/** Goes back to one line, to take less of it or to pass it by. */
function undo(desk: Desk, step: Step): void {
  const all = Object.fromEntries(Object.entries(took(desk)).filter(([key]) => key !== step.key));
  desk.change({ took: all, quantity: took(desk)[step.key], isFresh: true, seen: "" });
}

function finish(desk: Desk, all: Step[], missing: Walk["missing"]): (HTMLElement | null)[] {
  const got = all.filter((one) => number(took(desk)[one.key]) > 0);
  const isIssue = desk.at.way === "issue";
  const isPart = !isIssue && all.some((one) => number(took(desk)[one.key]) < number(one.quantity));
  const post = () => {
    const lines = isIssue
      ? got.map((one) => ({ material: one.material, quantity: took(desk)[one.key], location: one.location, ...(one.lot ? { lot: one.lot } : {}) }))
      : got.map((one) => ({ line: one.key, quantity: took(desk)[one.key] }));
    void live(desk, isPart ? "ship_part" : desk.at.way, desk.at.record, isIssue || isPart ? { lines } : {}, () => {
      desk.home(isIssue ? t("已领料到 {order}", "Issued to {order}", { order: desk.at.title }) : t("已发货：{order}", "Shipped: {order}", { order: desk.at.title }));
    });
  };
  return [
    head(isIssue ? t("都拿齐了，领到工单", "All is fetched: issue it") : isPart ? t("没有拿齐，部分发货", "Not all is fetched: ship a part") : t("都拿齐了，发货", "All is fetched: ship it"), desk.at.title),
    isPart && got.length ? h("p.warn", { role: "status", "data-part": true }, icon("alert-triangle"), t("没拿的回到订单，仍为它保留，可以再备货。", "What is not taken stays kept for the order and can be prepared again.")) : null,
    liveNote(desk),
    h("ul.lines", {}, got.map((one) => h("li", {}, h("span", {}, h("b", {}, one.code), ` ${one.name}`, one.lot_number ? h("small.dim", {}, ` ${one.lot_number}`) : null), h("span.num", {}, `${took(desk)[one.key]} ${unit(one)}`),
      isPart && number(took(desk)[one.key]) < number(one.quantity) ? null : h("button.plain", { type: "button", "data-undo": one.code, "aria-label": t("改这一行", "Change this line"), onclick: () => undo(desk, one) }, icon("arrow-back-up"))))),
    isPart ? h("ul.lines", { "data-left": true }, all.filter((one) => number(took(desk)[one.key]) < number(one.quantity)).map((one) => h("li", {}, h("span", {}, h("b", {}, one.code), ` ${one.name}`, one.lot_number ? h("small.dim", {}, ` ${one.lot_number}`) : null), h("span.told-side.num", {}, h("small.tag.tag-orange", {}, t("留下 {n}", "{n} stay", { n: rounded(number(one.quantity) - number(took(desk)[one.key])) })), h("button.plain", { type: "button", "data-undo": one.code, "aria-label": t("改这一行", "Change this line"), onclick: () => undo(desk, one) }, icon("arrow-back-up")))))) : null,
    missing.length ? h("h2", {}, icon("alert-triangle"), t("库里没有", "Not in stock")) : null,
    missing.length ? h("ul.lines", { "data-missing": missing.length }, missing.map((one) => h("li", {}, h("span", {}, h("b", {}, one.code), ` ${one.name}`), h("span.num", {}, h("small.tag.tag-red", {}, t("缺 {n}", "{n} missing", { n: one.missing })))))) : null,
    got.length ? next(isIssue ? t("领料", "Issue") : t("发货", "Ship"), post, {}, "truck-delivery") : empty(t("没有拿到东西。", "Nothing was fetched.")),
    missing.length && desk.may("handheld.borrow.borrow") ? h("button.btn.btn-tall", { type: "button", onclick: () => need(desk, desk.at.record, desk.at.title) }, icon("arrows-exchange"), t("向别的工单借料", "Borrow from another order")) : null,
  ];
}

// --- another lot than the one that is due

/** The usual reasons by name, in the language of who holds the phone. */
const usual = (): [string, string][] => [
  ["buried", t("应出批次压在里面", "The lot due cannot be reached")],
  ["damaged", t("包装破损", "Its packing is damaged")],
  ["customer", t("客户指定", "The customer asks for it")],
  ["quality", t("质量要求", "Quality asks for it")],
];

/** Another lot goes with consent: somebody who may says why, and it is kept. */
export const otherLot: Screen = {
  draw: (desk) => {
    const step = desk.at.step as Step;
    const why = String(desk.at.reason ?? "").trim();
    const chip = ([name, said]: [string, string]) =>
      h(`button.chip${why === said ? ".is-on" : ""}`, { type: "button", "aria-pressed": why === said ? "true" : "false", "data-why": name, onclick: () => desk.change({ reason: said }) }, said);
    const typing = (event: Event) => desk.hold({ reason: (event.target as HTMLInputElement).value });
    return [
      head(t("换批次", "Another lot"), `${step.code} ${step.name}`),
      liveNote(desk),
      h("ul.lines", {},
        h("li", {}, h("span", {}, t("应出", "Due")), h("span.num", {}, step.lot_number)),
        h("li", {}, h("span", {}, t("改用", "Taken")), h("b.num", {}, desk.at.number))),
      quantity(desk, t("换多少", "How much"), step, "quantity", step.quantity),
      h("div.chips", { role: "group", "aria-label": t("原因", "Reason") }, usual().map(chip)),
      h("label.labelled", {}, h("span", {}, t("或写下原因", "Or say why")), h("input.field", { id: "other-why", value: why, maxlength: 255, autocomplete: "off", oninput: typing, onchange: () => desk.change({}) })),
      next(why ? t("同意换批次", "Agree to it") : t("先选原因", "Say why first"), () => agree(desk, step, why), { disabled: !why || !number(desk.at.quantity) || number(desk.at.quantity) > number(step.quantity) }),
      h("p.dim", {}, t("谁同意、为什么，会记下来。", "Who agreed, and why, is kept.")),
      pad(desk, step),
    ];
  },
};

function agree(desk: Desk, step: Step, reason: string): void {
  const line = desk.at.way === "issue" ? { material: step.material } : { shipment_line: step.key };
  const body = { ...line, due_lot: step.lot, due_location: step.location, lot: desk.at.lot, quantity: String(desk.at.quantity), reason };
  const [lot, done] = [String(desk.at.lot), took(desk)];
  void live<Walk>(desk, "other_lot", "", body, (walk) => {
    const now = walk.steps.find((one) => one.lot === lot && one.material === step.material);
    const following = walk.steps.find((one) => !(one.key in done));
    // its label was scanned a moment ago
    desk.back({ steps: walk.steps, quantity: following?.quantity ?? "", isFresh: true, seen: now?.key ?? "", bin: "" });
  });
}

// --- back from an order

interface Held extends Item {
  material: string;
  lot: string;
  lot_number: string;
  quantity: string;
  into: string;
}

const held = (desk: Desk, one: { id: string; number: string }) =>
  void ask<{ lines: Held[] }>(desk, `held?id=${one.id}`, ({ lines }) => desk.go("held", { order: one.id, title: one.number, lines }));

/** Orders that have material. */
export const returns: Screen = {
  draw: (desk) => [
    head(t("退料", "Return"), t("扫流转卡，或选工单", "Scan a traveller, or choose an order")),
    liveNote(desk),
    h("ul.list", {}, desk.day.work.slice(0, 80).map((one) => workRow(one, () => held(desk, one)))),
  ],
  scan: (desk, named, text) => {
    const work = desk.day.work.find((one) => one.id === named?.id);
    if (work) held(desk, work);
    else notThis(named?.code ?? text.slice(0, 40), t("工单", "a work order"));
  },
};

const giveBack = (desk: Desk, one: Held, n: number) =>
  desk.go("return_line", { order: desk.at.order, title: desk.at.title, line: desk.at.lines[n], quantity: one.quantity, isFresh: true, into: one.into });

/** What an order has. */
export const holding: Screen = {
  draw: (desk) => {
    const lines = desk.at.lines as Held[];
    return [
      head(t("退哪一样", "What comes back?"), desk.at.title),
      lines.length ? h("ul.list", {}, lines.map((one, n) => row(() => giveBack(desk, one, n), { "data-held": one.code }, h("span.task-head", {}, h("b", {}, one.code), one.lot_number ? h("span.tag", {}, one.lot_number) : null), h("span.task-item", {}, one.name), h("span.task-room", {}, h("b", {}, one.quantity), h("small", {}, unit(one)))))) : empty(t("这张工单没有领过料。", "This order has no material.")),
    ];
  },
  scan: (desk, named, text) => {
    const lines = desk.at.lines as Held[];
    const n = lines.findIndex((one) => named && (one.lot ? one.lot === named.id : one.item === named.id));
    if (n < 0) return notThis(named?.code ?? text.slice(0, 40), t("这张工单领的料", "material of this order"));
    alarm.right();
    giveBack(desk, lines[n], n);
  },
};

/** One line comes back into a bin. */
export const returnLine: Screen = {
  draw: (desk) => {
    const line = desk.at.line as Held;
    const fault = !number(desk.at.quantity) ? t("先填数量", "Enter a quantity") : number(desk.at.quantity) > number(line.quantity) ? t("比领的多了", "More than it has") : "";
    const post = () => {
      const one = { material: line.material, quantity: desk.at.quantity, ...(line.lot ? { lot: line.lot } : {}), ...(desk.at.into ? { location: desk.at.into } : {}) };
      void live(desk, "return", desk.at.order, { lines: [one] }, () => desk.home(t("已退料：{code} × {n}", "Returned: {code} × {n}", { code: line.code, n: desk.at.quantity })));
    };
    return [
      what(line, line.lot_number ? ` ${line.lot_number}` : ""), liveNote(desk),
      place(desk, desk.at.into, t("放回这里", "goes back here"), Boolean(desk.at.isSeen)),
      quantity(desk, t("退多少", "Comes back"), line, "quantity", line.quantity), pad(desk, line),
      next(fault || t("退料", "Return"), post, { disabled: Boolean(fault) }, "transfer-in"),
    ];
  },
  scan: (desk, named, text) => {
    const line = desk.at.line as Held;
    if (named?.noun === "b") {
      alarm.right();
      return desk.change({ into: named.id, isSeen: true });
    }
    isRight(desk, named, text, line);
  },
};

// --- borrowed from another order

interface Lender {
  order: string;
  number: string;
  held: string;
  kept: string;
}
interface Need extends Item {
  needed: string;
  lines: Lender[];
}

const need = (desk: Desk, order: string, title: string) =>
  void ask<{ items: Need[] }>(desk, `lenders?id=${order}`, ({ items }) => desk.go("lenders", { order, title, items }));

/** First scan: which order needs material. */
export const borrows: Screen = {
  draw: (desk) => [
    head(t("借料 1/2：谁要料", "Borrow 1/2: who needs it"), t("扫要料工单的流转卡", "Scan the traveller of the order that needs material")),
    liveNote(desk),
    h("ul.list", {}, desk.day.work.filter((one) => one.open > 0).slice(0, 80).map((one) => workRow(one, () => need(desk, one.id, one.number)))),
  ],
  scan: (desk, named, text) => {
    const work = desk.day.work.find((one) => one.id === named?.id);
    if (!work) return notThis(named?.code ?? text.slice(0, 40), t("工单", "a work order"));
    alarm.right();
    need(desk, work.id, work.number);
  },
};

const lendable = (one: Lender) => (number(one.kept) > number(one.held) ? one.kept : one.held);

function choose(desk: Desk, item: Need, from: Lender): void {
  const most = String(Math.min(number(item.needed), number(lendable(from))));
  desk.go("borrow", { order: desk.at.order, title: desk.at.title, item, from, most, quantity: most, isFresh: true });
}

/** Second scan: who has it. */
export const lenders: Screen = {
  draw: (desk) => {
    const items = (desk.at.items as Need[]).filter((one) => one.lines.some((line) => line.order));
    return [
      head(t("借料 2/2：谁有料", "Borrow 2/2: who has it"), t("给 {order}；扫有料工单的流转卡，或选一行", "For {order}; scan the traveller of an order that has it, or choose a line", { order: desk.at.title })),
      ...items.flatMap((item) => [
        h("h2", {}, h("b", {}, item.code), item.name, h("span.tag.tag-red", {}, t("要 {n}", "needs {n}", { n: item.needed }))),
        h("ul.list", {}, item.lines.filter((one) => one.order).slice(0, 20).map((one) => row(() => choose(desk, item, one), { "data-lender": one.number, "data-item": item.code }, h("span.task-head", {}, h("b", {}, one.number)), h("span.task-foot", {}, number(one.kept) > 0 ? t("库里留着 {n}", "{n} kept in store", { n: one.kept }) : "", number(one.held) > 0 ? t("已领 {n}", "{n} issued", { n: one.held }) : ""), h("span.task-room", {}, h("b", {}, lendable(one)), h("small", {}, unit(item)))))),
      ]),
      items.length ? null : empty(t("没有别的工单有这些料。", "No other order has this material.")),
    ];
  },
  scan: (desk, named, text) => {
    const hits = (desk.at.items as Need[]).flatMap((item) => item.lines.filter((one) => one.order && one.order === named?.id).map((one) => [item, one] as const));
    if (!hits.length) return notThis(named?.code ?? text.slice(0, 40), t("有料的工单", "an order that has it"));
    alarm.right();
    if (hits.length === 1) choose(desk, ...hits[0]);
    else desk.change({ items: hits.map(([item, one]) => ({ ...item, lines: [one] })) });
  },
};

/** How much is borrowed. */
export const borrow: Screen = {
  draw: (desk) => {
    const { item, from, most } = desk.at as unknown as { item: Need; from: Lender; most: string };
    const fault = !number(desk.at.quantity) ? t("先填数量", "Enter a quantity") : number(desk.at.quantity) > number(most) ? t("最多借 {n}", "At most {n}", { n: most }) : "";
    const post = () => {
      const body = { lender: from.order, borrower: desk.at.order, item: item.item, quantity: desk.at.quantity };
      void live(desk, "borrow", "", body, () => desk.home(t("已借料：{code} × {n}；料到时自动还给 {order}", "Borrowed: {code} × {n}; given back to {order} when material arrives", { code: item.code, n: desk.at.quantity, order: from.number })));
    };
    return [
      what(item), liveNote(desk),
      h("div.ware-from", {}, h("span", {}, h("small.dim", {}, t("从", "From")), h("b", {}, from.number)), icon("arrow-right"), h("span", {}, h("small.dim", {}, t("给", "To")), h("b", {}, desk.at.title))),
      quantity(desk, t("借多少", "Borrow"), item, "quantity", most), pad(desk, item),
      next(fault || t("借料", "Borrow"), post, { disabled: Boolean(fault) }, "arrows-exchange"),
    ];
  },
};

