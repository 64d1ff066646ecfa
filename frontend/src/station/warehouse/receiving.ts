/** Goods come in: at the gate by their order, then into their places. Both go on without a network. */
import { h, icon } from "../dom";
import { sizeChooser } from "../labels";
import { t } from "../../words";
import * as alarm from "./alarm";
import type { ExpectedLine, GateLine, Paper } from "./data";
import { number } from "./data";
import type { Desk, Screen } from "./desk";
import { codeOf, day, empty, head, isRight, next, notThis, pad, place, print, quantity, row, tell, unit, what } from "./desk";

const orderOf = (desk: Desk): Paper<ExpectedLine> | undefined => desk.day.orders.find((one) => one.id === desk.at.order);

/** Orders that goods are expected for. */
export const gate: Screen = {
  draw: (desk) => [
    head(t("到货", "At the gate"), t("扫采购订单，或选一张", "Scan a purchase order, or choose one")),
    desk.day.orders.length
      ? h("ul.list", {}, desk.day.orders.map((one) => row(() => desk.go("arrival", { order: one.id, counts: {}, lots: {}, note: "" }), { "data-order": one.number },
          h("span.task-head", {}, h("b", {}, one.party)), h("span.task-item", {}, one.lines.map((line) => line.name).join("、")), h("span.task-foot", {}, h("span", {}, one.number), h("span", {}, day(one.lines[0]?.due ?? ""))), h("span.task-room", {}, h("b", {}, String(one.lines.length)), h("small", {}, t("行", "lines"))))))
      : empty(t("没有在途的采购订单。", "No purchase order is on its way.")),
  ],
  scan: (desk, named, text) => {
    const hit = named && desk.day.orders.find((one) => one.id === named.id || one.lines.some((line) => line.item === named.id));
    if (hit) desk.go("arrival", { order: hit.id, counts: {}, lots: {}, note: "" });
    else notThis(named?.code ?? text.slice(0, 40), t("采购订单", "a purchase order"));
  },
};

const came = (desk: Desk, line: ExpectedLine): string => (desk.at.counts as Record<string, string>)[line.line] ?? line.open;

/** What came of an order: all that is open, unless a line says otherwise. */
export const arrival: Screen = {
  draw: (desk) => {
    const order = orderOf(desk);
    if (!order) return [empty(t("这张订单已经收完。", "All of this order has come."))];
    const lines = order.lines.filter((line) => number(came(desk, line)) > 0);
    return [
      head(order.party, order.number),
      h("ul.list", {}, order.lines.map((line) => row(() => desk.go("arrival_line", { order: order.id, line: line.line, quantity: came(desk, line), field: "quantity", isFresh: true, lot: (desk.at.lots as Record<string, string>)[line.line] ?? "" }), { "data-line": line.code },
        h("span.task-head", {}, h("b", {}, line.code)), h("span.task-item", {}, line.name), h("span.task-foot", {}, t("待收 {n}", "{n} to come", { n: line.open })), h("span.task-room", {}, h("b", {}, came(desk, line)), h("small", {}, unit(line)))))),
      h("label.labelled", {}, h("span", {}, t("送货单号", "Delivery note")), h("input.field", { id: "ware-note", value: desk.at.note, autocomplete: "off", oninput: (e: Event) => desk.hold({ note: (e.target as HTMLInputElement).value }) })),
      next(t("到货 {n} 行", "{n} lines are here", { n: lines.length }), () => void arrived(desk, order, lines), { disabled: !lines.length }, "truck-loading"),
    ];
  },
  scan: (desk, named, text) => {
    const line = orderOf(desk)?.lines.find((one) => named?.noun === "i" && one.item === named.id);
    if (!line) return notThis(named?.code ?? text.slice(0, 40), t("这张订单的物料", "an item of this order"));
    alarm.right();
    desk.go("arrival_line", { order: desk.at.order, line: line.line, quantity: came(desk, line), field: "quantity", isFresh: true, lot: "" });
  },
};

async function arrived(desk: Desk, order: Paper<ExpectedLine>, lines: ExpectedLine[]): Promise<void> {
  const lots = desk.at.lots as Record<string, string>;
  const body = {
    order: order.id,
    ...(desk.at.note ? { delivery_note: desk.at.note } : {}),
    lines: lines.map((line) => ({ order_line: line.line, quantity: came(desk, line), ...(lots[line.line] ? { supplier_lot: lots[line.line] } : {}) })),
  };
  const before = desk.day.gate.map((paper) => paper.id);
  const act = await tell(desk, "gate", body, `${order.number} ${order.party} · ${t("到货 {n} 行", "{n} lines at the gate", { n: lines.length })}`);
  desk.home(t("已登记到货：{order}。可以接着在“入库”里上架。", "{order} is at the gate. It can be put away now, under “Put away”.", { order: order.number }),
    { came: { act, before, lines: lines.filter((line) => line.tracking !== "none").map((line) => line.line) } });
}

interface Came {
  act: string;
  before: string[];
  lines: string[];
}

interface Lotted {
  lot: string;
  lot_number: string;
}

/** Offers the labels of lots that have just come; without a network it says that they print later. */
function lotLabels(desk: Desk, lots: Lotted[]): HTMLElement {
  const numbers = lots.map((one) => one.lot_number);
  const isReached = desk.host.isReached();
  return h("div.lot", { "data-lots": numbers.join(" ") },
    h("span", {}, h("small.dim", {}, t("批号", "Lot")), h("b", {}, numbers.length > 2 ? `${numbers[0]} … ${numbers[numbers.length - 1]}` : numbers.join("、"))),
    h("button.btn", { type: "button", "data-label": true, disabled: !isReached, onclick: () => void print(desk, "inventory.lot", lots.map((one) => one.lot)) }, icon("printer"), isReached ? t("打印批号标签", "Print lot label") : t("联网后可打印", "Prints with a network")),
    sizeChooser());
}

/** Offers the labels of what has just come to the gate; its lots have numbers once the arrival is booked. */
export function labelsOfArrival(desk: Desk): HTMLElement | null {
  const came = desk.at.came as Came | undefined;
  if (!came?.lines.length) return null;
  const lots = desk.day.gate.filter((paper) => !came.before.includes(paper.id)).flatMap((paper) => paper.lines).filter((line) => line.lot && came.lines.includes(line.order_line));
  if (lots.length) return lotLabels(desk, lots);
  const isWaiting = desk.host.acts().some((act) => act.id === came.act && act._state === "waiting");
  return isWaiting ? h("p.note", { role: "status", "data-label-later": true }, icon("printer"), t("批号标签：联网入账后在这里打印", "Lot labels: print here once it is booked with a network")) : null;
}

/** How much of a line came, and which lot of the supplier's it is. */
export const arrivalLine: Screen = {
  draw: (desk) => {
    const line = orderOf(desk)?.lines.find((one) => one.line === desk.at.line);
    if (!line) return [empty(t("这一行已经收完。", "All of this line has come."))];
    const over = number(desk.at.quantity) - number(line.open);
    return [
      what(line),
      quantity(desk, t("到了多少", "How many came"), line, "quantity", line.open),
      over > 0 ? h("p.warn", { role: "alert" }, icon("alert-triangle"), t("比订单多 {n}；超出允差的会留给人处理。", "{n} more than ordered; beyond the tolerance somebody decides.", { n: over })) : null,
      pad(desk, line),
      line.tracking === "lot" ? h("label.labelled", {}, h("span", {}, t("供应商批号、炉号", "Supplier's lot")), h("input.field", { id: "ware-lot", value: desk.at.lot, autocomplete: "off", oninput: (e: Event) => desk.hold({ lot: (e.target as HTMLInputElement).value }) })) : null,
      next(t("就这些", "That is it"), () => desk.back({ counts: { [line.line]: String(desk.at.quantity || "0") }, lots: { [line.line]: desk.at.lot } })),
    ];
  },
};

interface Standing extends GateLine {
  receipt: string;
  from: string;
}

const waiting = (desk: Desk): Standing[] => desk.day.gate.flatMap((paper) => paper.lines.map((line) => ({ ...line, receipt: paper.id, from: `${paper.party} · ${paper.number}` })));

function why(line: GateLine): string {
  const words = { lot: t("同批次在这里", "with its lot"), own: t("物料的固定库位", "the item's own place"), item: t("同物料在这里", "with the item"), last: t("上次放这里", "where it was last"), "": "" };
  return words[line.why];
}

const open = (desk: Desk, line: Standing) =>
  desk.go("put", { line: line.line, receipt: line.receipt, order_line: line.order_line, quantity: line.open, bad: "", reason: "", field: "quantity", isFresh: true, into: line.into, seen: "", item: "" });

/** Gives the line that was chosen, by what it came for where the server has given it another name meanwhile; pieces that got a number each stand together. */
function chosen(desk: Desk): Standing | undefined {
  const named = waiting(desk).find((one) => one.line === desk.at.line);
  if (named) return named;
  const [first, ...more] = waiting(desk).filter((one) => one.receipt === desk.at.receipt && one.order_line && one.order_line === desk.at.order_line);
  return more.length ? { ...first, open: String(more.reduce((sum, one) => sum + number(one.open), number(first.open))), isWaiting: true } : first;
}

/** What stands at the gate and is to be put away. */
export const store: Screen = {
  draw: (desk) => [
    head(t("入库上架", "Put away"), t("扫批次或物料标签，或选一行", "Scan a lot or an item, or choose a line")),
    desk.at.stored ? lotLabels(desk, [desk.at.stored as Lotted]) : null,
    waiting(desk).length
      ? h("ul.list", {}, waiting(desk).map((line) => row(() => open(desk, line), { "data-put": line.code },
          h("span.task-head", {}, h("b", {}, line.code), line.lot_number ? h("span.tag", {}, line.lot_number) : null), h("span.task-item", {}, line.name), h("span.task-foot", {}, icon("map-pin"), codeOf(desk, line.into) || t("待定", "anywhere"), h("span", {}, line.from)), h("span.task-room", {}, h("b", {}, line.open), h("small", {}, unit(line))))))
      : empty(t("待检区没有等入库的货。", "Nothing waits at the gate.")),
  ],
  scan: (desk, named, text) => {
    const line = waiting(desk).find((one) => named && ((named.noun === "l" && one.lot === named.id) || (named.noun === "i" && one.item === named.id)));
    const lot = waiting(desk).find((one) => one.lot_number && one.lot_number.toLowerCase() === text.trim().toLowerCase());
    const hit = line ?? lot;
    if (!hit) return notThis(named?.code ?? text.slice(0, 40), t("待入库的货", "goods at the gate"));
    alarm.right();
    open(desk, hit);
  },
};

/** One line is judged and put into a bin. */
export const put: Screen = {
  draw: (desk) => {
    const line = chosen(desk);
    if (!line) return [empty(t("这一行已经入库。", "This line is put away."))];
    const bad = number(desk.at.bad);
    const total = number(desk.at.quantity) + bad;
    const fault = !desk.at.seen && number(desk.at.quantity) > 0 ? t("扫要放的库位", "Scan the bin it goes to") : total <= 0 ? t("先填数量", "Enter a quantity") : total > number(line.open) ? t("比到货多了", "More than came") : bad && !desk.at.reason ? t("写明为什么不合格", "Say why they are rejected") : "";
    return [
      what(line, line.lot_number ? ` ${line.lot_number}` : ""),
      place(desk, desk.at.seen || line.into, desk.at.seen && desk.at.seen !== line.into ? t("与建议不同", "not the one proposed") : why(line), Boolean(desk.at.seen)),
      !desk.at.seen && line.into ? h("button.btn.btn-tall", { type: "button", "data-here": true, onclick: () => desk.change({ seen: line.into }) }, icon("map-pin"), t("标签扫不了：就放 {bin}", "No label to scan: it goes to {bin}", { bin: codeOf(desk, line.into) })) : null,
      h("div.pair", {}, quantity(desk, t("合格", "Accepted"), line, "quantity", line.open), quantity(desk, t("不合格", "Rejected"), line, "bad")),
      bad || desk.at.field === "bad" ? h("input.field", { id: "ware-reason", value: desk.at.reason, placeholder: t("为什么不合格", "Why rejected"), "aria-label": t("为什么不合格", "Why rejected"), oninput: (e: Event) => desk.hold({ reason: (e.target as HTMLInputElement).value }), onchange: () => desk.change({}) }) : null,
      pad(desk, line),
      next(fault || t("放好了", "It is there"), () => void stored(desk, line), { disabled: Boolean(fault) }),
    ];
  },
  scan: (desk, named, text) => {
    const line = chosen(desk);
    if (!line) return;
    if (named?.noun === "b") {
      const bin = desk.day.places.find((one) => one.id === named.id);
      if (!bin || !["warehouse", "zone", "bin", "line_side"].includes(bin.kind)) return notThis(named.code, t("可存放的库位", "a bin to store in"));
      alarm.right();
      return desk.change({ seen: named.id });
    }
    isRight(desk, named, text, line);
  },
};

async function stored(desk: Desk, line: Standing): Promise<void> {
  const { quantity: accepted, bad: rejected, reason, seen } = desk.at;
  const body = { receipt: line.receipt, lines: [{ ...(line.isWaiting ? { order_line: line.order_line } : { receipt_line: line.line }), accepted: accepted || "0", rejected: rejected || "0", ...(reason ? { reason } : {}), ...(seen ? { location: seen } : {}) }] };
  await tell(desk, "store", body, `${line.code} ${line.name} · ${accepted || 0} ${unit(line)} → ${codeOf(desk, seen)}`);
  desk.replace("store");
  desk.change({ stored: line.lot ? { lot: line.lot, lot_number: line.lot_number } : null });
}

// --- carried from bin to bin

const STEPS = ["source", "goods", "target"] as const;

/** Goods are carried from one bin to another: three scans and a quantity. */
export const move: Screen = {
  draw: (desk) => {
    const at = desk.at;
    const item = desk.day.items.find((one) => one.id === at.item);
    const wanted = STEPS.find((one) => !at[one]) ?? "";
    const asks = { source: t("扫移出的库位", "Scan the bin it leaves"), goods: t("扫批次或物料", "Scan the lot or item"), target: t("扫移入的库位", "Scan the bin it goes to"), "": "" };
    return [
      head(t("移库", "Move"), asks[wanted]),
      place(desk, at.source ?? "", t("从", "from"), Boolean(at.source)),
      item ? what({ ...item, item: item.id }, at.lot ? ` ${desk.day.lots.find((one) => one.id === at.lot)?.number ?? ""}` : "") : null,
      item ? quantity(desk, t("数量", "Quantity"), { ...item, item: item.id }) : null,
      item ? pad(desk, { ...item, item: item.id }) : null,
      item ? place(desk, at.target ?? "", t("到", "to"), Boolean(at.target)) : null,
      item ? next(number(at.quantity) > 0 ? asks[wanted] || t("移好了", "Moved") : t("先填数量", "Enter a quantity"), () => void moved(desk, item.code), { disabled: Boolean(wanted) || number(at.quantity) <= 0 }) : null,
    ];
  },
  scan: (desk, named, text) => {
    const at = desk.at;
    if (named?.noun === "b") {
      if (named.id === at.source && at.item) return notThis(named.code, t("另一个库位", "another bin"));
      alarm.right();
      return desk.change(at.source && at.item ? { target: named.id } : { source: named.id });
    }
    const lot = named?.noun === "l" ? desk.day.lots.find((one) => one.id === named.id) : undefined;
    const item = named?.noun === "i" ? named.id : lot?.item;
    if (!item || !at.source) return notThis(named?.code ?? text.slice(0, 40), at.source ? t("批次或物料", "a lot or an item") : t("库位", "a bin"));
    if (!lot && desk.day.items.find((one) => one.id === item)?.tracking !== "none") return notThis(named?.code ?? "", t("批次标签", "the lot's label"));
    alarm.right();
    desk.change({ item, lot: lot?.id ?? "", goods: true, quantity: "", isFresh: true });
  },
};

async function moved(desk: Desk, code: string): Promise<void> {
  const { item, lot, quantity: count, source, target } = desk.at;
  await tell(desk, "move", { item, ...(lot ? { lot } : {}), quantity: count, source, target }, `${code} × ${count} · ${codeOf(desk, source)} → ${codeOf(desk, target)}`);
  desk.home(t("已移库：{code} × {n}", "Moved: {code} × {n}", { code, n: count }));
}

