/** What the warehouse knows on this phone: a shift's papers, places, lots; and how it asks for what is so now. */
import { read } from "../codes";
import { newId } from "../ids";
import { ask, Refused } from "../link";
import type { Act } from "../model";
import { isAhead, rounded } from "../model";
import * as store from "../store";

export interface Item {
  item: string;
  code: string;
  name: string;
  unit: string;
  unit_en?: string;
  places: number;
  tracking: "none" | "lot" | "serial";
}

export interface ExpectedLine extends Item {
  line: string;
  open: string;
  due: string;
}

export interface GateLine extends Item {
  line: string;
  open: string;
  lot: string;
  lot_number: string;
  order_line: string;
  /** Its arrival waits on this phone still, so the server has no line of it yet. */
  isWaiting?: boolean;
  into: string;
  why: "lot" | "own" | "item" | "last" | "";
}

export interface CountLine extends Item {
  line: string;
  lot: string;
  lot_number: string;
  location: string;
  bin: string;
  owner: string;
  owner_name?: string;
  is: "open" | "again" | "done";
}

export interface Paper<Line> {
  id: string;
  number: string;
  party: string;
  lines: Line[];
}

export interface Task {
  id: string;
  number: string;
  state: "draft" | "counting";
  place: string;
  place_name: string;
  note: string;
  counter: string;
  lines: CountLine[];
}

export interface Work {
  id: string;
  number: string;
  code: string;
  name: string;
  quantity: string;
  due: string;
  priority: string;
  open: number;
}

export interface Shipment {
  id: string;
  kind: "shipment" | "order";
  number: string;
  party: string;
  lines: number;
}

export interface Place {
  id: string;
  code: string;
  name: string;
  name_en?: string;
  kind: string;
  barcode?: string;
}

export interface Lot {
  id: string;
  number: string;
  item: string;
  state: "released" | "held" | "rejected";
  expires?: string;
}

export interface Day {
  day: string;
  orders: Paper<ExpectedLine>[];
  gate: Paper<GateLine>[];
  counts: Task[];
  work: Work[];
  shipments: Shipment[];
  may: string[];
  places: Place[];
  items: (Omit<Item, "item"> & { id: string })[];
  lots: Lot[];
}

export interface Kept {
  day: Day;
  mark: string;
  asked: number;
}

export interface Step extends Item {
  key: string;
  material: string;
  quantity: string;
  lot: string;
  lot_number: string;
  lot_state: string;
  expires?: string;
  location: string;
  bin: string;
  bin_name: string;
}

/** What a label names: `noun` as in `/go/NOUN/…`, its record on this phone where there is one. */
export interface Named {
  noun: "l" | "b" | "i" | "w" | "po" | "r" | "s" | "";
  id: string;
  code: string;
}

export const number = (text: string | number | undefined): number => Number(text ?? 0) || 0;

export async function fetchDay(kept: Kept | null, ticket: string): Promise<Kept> {
  const asked = Date.now();
  const headers: Record<string, string> = { Authorization: `Station ${ticket}` };
  if (kept) headers["If-None-Match"] = kept.mark;
  const answer = await ask("warehouse/day", undefined, headers);
  if (answer.status === 304 && kept) return { ...kept, asked };
  return { day: (await answer.json()) as Day, mark: answer.headers.get("ETag") ?? "", asked };
}

/** Asks for something as it is now. */
export async function now<T>(path: string, ticket: string): Promise<T> {
  return (await (await ask(`warehouse/${path}`, undefined, { Authorization: `Station ${ticket}` })).json()) as T;
}

interface Pending {
  id: string;
  mark: string;
}

/** Does something now. Its key stays on the phone until there is an answer, so that asking again does it once. */
export async function live<T>(kind: string, record: string, data: unknown, ticket: string): Promise<T> {
  const mark = JSON.stringify([kind, record, data]);
  const before = await store.fact<Pending>("warehouse.pending");
  const pending = before?.mark === mark ? before : { id: newId(), mark };
  await store.keep("warehouse.pending", pending);
  const body = { id: pending.id, kind, data, ...(record ? { record } : {}) };
  try {
    const answer = await ask("warehouse/act", body, { Authorization: `Station ${ticket}` });
    const told = (await answer.json()) as T;
    await store.forget("warehouse.pending");
    return told;
  } catch (fault) {
    if (fault instanceof Refused) await store.forget("warehouse.pending");
    throw fault;
  }
}

/** Gives what a text on a label names, by what this phone holds; nothing where it does not know it. */
export function named(day: Day, text: string): Named | null {
  const scanned = read(text);
  const small = (scanned.code ?? "").toLowerCase();
  const is = (id: string, ...codes: (string | undefined)[]) =>
    scanned.id ? scanned.id === id : codes.some((code) => code?.toLowerCase() === small);
  const wants = (noun: string) => !scanned.noun || scanned.noun === noun;
  const found = <T extends { id: string }>(noun: Named["noun"], rows: T[], code: (row: T) => string, more?: (row: T) => string | undefined) => {
    const row = wants(noun) ? rows.find((one) => is(one.id, code(one), more?.(one))) : undefined;
    return row ? { noun, id: row.id, code: code(row) } : null;
  };
  return (
    found("b", day.places, (one) => one.code, (one) => one.barcode) ??
    found("l", day.lots, (one) => one.number) ??
    found("i", day.items, (one) => one.code) ??
    found("w", day.work, (one) => one.number) ??
    found("s", day.shipments, (one) => one.number) ??
    found("po", day.orders, (one) => one.number) ??
    found("r", day.gate, (one) => one.number) ??
    (scanned.id && ["l", "b", "i", "w"].includes(scanned.noun) ? { noun: scanned.noun as Named["noun"], id: scanned.id, code: text } : null)
  );
}

const bodies = <T>(acts: Act[], kind: string, asked: number): T[] =>
  acts.filter((act) => act.kind === kind && isAhead(act, asked)).map((act) => act.body as T);

/** Gives the day as it stands once what this phone has told since is counted. */
export function withTold(kept: Kept, acts: Act[]): Day {
  const { day, asked } = kept;
  const came = new Map<string, number>();
  for (const act of bodies<{ lines: { order_line: string; quantity: string }[] }>(acts, "gate", asked))
    for (const line of act.lines) came.set(line.order_line, (came.get(line.order_line) ?? 0) + number(line.quantity));
  const put = new Map<string, number>();
  for (const act of bodies<Stored>(acts, "store", asked))
    for (const line of act.lines) {
      const key = line.receipt_line ?? waitingLine(act.receipt, line.order_line ?? "");
      put.set(key, (put.get(key) ?? 0) + number(line.accepted) + number(line.rejected));
    }
  const less = <L extends { line: string; open: string }>(papers: Paper<L>[], done: Map<string, number>) =>
    papers
      .map((paper) => ({
        ...paper,
        lines: paper.lines
          .map((line) => ({ ...line, open: rounded(number(line.open) - (done.get(line.line) ?? 0)) }))
          .filter((line) => number(line.open) > 0),
      }))
      .filter((paper) => paper.lines.length);
  const gate = [...day.gate.map((paper) => byOrderLine(paper, put)), ...arrivals(day, acts, asked)];
  return { ...day, orders: less(day.orders, came), gate: less(gate, put), counts: day.counts.map((task) => counted(task, acts, asked)) };
}

interface Stored {
  receipt: string;
  lines: { receipt_line?: string; order_line?: string; accepted: string; rejected: string }[];
}

/** Names a line of an arrival that has no key at the server yet: the arrival's own key, and the order line. */
export const waitingLine = (receipt: string, orderLine: string): string => `${receipt}:${orderLine}`;

/** Counts what was put away before its arrival was booked for the line that the server has by now. */
function byOrderLine(paper: Paper<GateLine>, put: Map<string, number>): Paper<GateLine> {
  for (const line of paper.lines) {
    const waiting = waitingLine(paper.id, line.order_line);
    const early = Math.min(put.get(waiting) ?? 0, number(line.open));
    if (!early) continue;
    put.set(line.line, (put.get(line.line) ?? 0) + early);
    put.set(waiting, (put.get(waiting) ?? 0) - early);
  }
  return paper;
}

/** Gives what this phone has told of as arrived and the server does not know yet; pieces with serial numbers stand together until it has named them. */
function arrivals(day: Day, acts: Act[], asked: number): Paper<GateLine>[] {
  const known = new Set(day.gate.map((paper) => paper.id));
  return acts
    .filter((act) => act.kind === "gate" && isAhead(act, asked) && !known.has(act.id))
    .flatMap((act) => {
      const told = act.body as { order: string; lines: { order_line: string; quantity: string; supplier_lot?: string }[] };
      const order = day.orders.find((one) => one.id === told.order);
      if (!order) return [];
      const lines = told.lines.flatMap((line): GateLine[] => {
        const expected = order.lines.find((one) => one.line === line.order_line);
        if (!expected) return [];
        const { due: _, ...item } = expected;
        return [{ ...item, line: waitingLine(act.id, line.order_line), open: line.quantity, lot: "", lot_number: line.supplier_lot ?? "", order_line: line.order_line, isWaiting: true, into: "", why: "" }];
      });
      return [{ id: act.id, number: order.number, party: order.party, lines }];
    });
}

interface Found {
  item: string;
  lot?: string;
  location: string;
  owner?: string;
  quantity: string;
}

export const sameShelf = (a: { item: string; lot?: string; location: string; owner?: string }, b: typeof a): boolean =>
  a.item === b.item && (a.lot ?? "") === (b.lot ?? "") && a.location === b.location && (a.owner ?? "") === (b.owner ?? "");

function counted(task: Task, acts: Act[], asked: number): Task {
  const found = bodies<{ count: string; found: Found[] }>(acts, "count", asked)
    .filter((one) => one.count === task.id)
    .flatMap((one) => one.found);
  const isTold = (line: CountLine) => found.some((one) => sameShelf(one, line));
  return { ...task, lines: task.lines.map((line) => (isTold(line) ? { ...line, is: "done" as const } : line)) };
}
