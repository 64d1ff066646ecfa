/** The orders at work beside those of the day: what their labels stand for, kept for a scan without a network. */
import type { Scanned } from "./codes";
import { ask } from "./link";
import type { Task } from "./model";
import * as store from "./store";

interface Step {
  id: string;
  sequence: number;
  name: string;
  name_en?: string;
  quantity: string;
  places: number;
}

interface Order {
  id: string;
  number: string;
  item: string;
  item_name: string;
  unit: string;
  unit_en?: string;
  operations: Step[];
}

interface Kept {
  orders: Order[];
  mark: string;
  at: number;
}

/** How often it is asked which orders are at work. */
const EVERY = 600_000;
const kept = (person: string) => store.fact<Kept>(`orders.${person}`);

/** Fetches which orders are at work, unless that was done just now; what is kept stays where nobody answers. */
export async function fetchOrders(person: string, ticket: string): Promise<void> {
  const before = await kept(person);
  if (before && Math.abs(Date.now() - before.at) < EVERY) return;
  const known: Record<string, string> = before ? { "If-None-Match": before.mark } : {};
  try {
    const answer = await ask("orders", undefined, { Authorization: `Station ${ticket}`, ...known });
    const orders = answer.status === 304 ? before?.orders : ((await answer.json()) as { orders: Order[] }).orders;
    await store.keep(`orders.${person}`, { orders: orders ?? [], mark: answer.headers.get("ETag") ?? before?.mark ?? "", at: Date.now() });
  } catch {
    // asked again with the next day
  }
}

/** What is not known of a task of which only the label is. */
export const NOTHING = { priority: "normal", item: "", item_name: "", unit: "", quantity: "0", order_quantity: "0", good: "0", scrap: "0", rework: "0", room: "0", ratio: "1", rate: "0", due_on: "", started: 0, mine: false, materials: [], last: [], state: "open", places: 3, isBlind: true };

/** Gives the operations that a label stands for, in their order: one, or all that are to be done of an order. */
export async function labelled(scanned: Scanned, person: string): Promise<Task[]> {
  const orders = (await kept(person))?.orders ?? [];
  return orders.flatMap((order) => {
    const isOrder = order.id === scanned.id || (scanned.code !== undefined && order.number.toUpperCase() === scanned.code.toUpperCase());
    return order.operations.filter((one) => isOrder || one.id === scanned.id).map((one) => taskOf(order, one));
  });
}

function taskOf(order: Order, one: Step): Task {
  const { id, operations: _, ...about } = order;
  return { ...NOTHING, ...about, ...one, order: id, order_quantity: one.quantity };
}
