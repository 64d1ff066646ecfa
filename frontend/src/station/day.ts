/** The day of the person at the device: their tasks fetched, with what is needed for a shift without a network. */
import { fetchDrawings } from "./drawings";
import type { Day, KeptDay } from "./model";
import { ask, Refused } from "./link";
import { fetchOrders } from "./orders";
import * as people from "./people";
import * as queue from "./queue";
import { render } from "./shell";
import { state } from "./state";
import * as store from "./store";

/** A difference between two clocks that may as well be the time an answer takes. */
const LATENCY = 20_000;

/** Gives by how much the server's clock is ahead of the device's; nothing where it may be the time an answer takes. */
function serverAhead(answer: Response, asked: number): number {
  const told = Date.parse(answer.headers.get("Station-Time") ?? "");
  const offset = told - (asked + Date.now()) / 2;
  return Math.abs(offset) > LATENCY ? offset : 0;
}

/** Gives a day with the tasks that somebody has begun to tell about, though the day no longer has them: what is typed stays. */
function withOpen(kept: KeptDay): KeptDay {
  const has = new Set(kept.day.tasks.map((one) => one.id));
  const open = (state.kept?.day.tasks ?? []).filter((one) => !has.has(one.id) && (one.id === state.draft?.task || one.id in state.drafts));
  return open.length ? { ...kept, mark: "", day: { ...kept.day, tasks: [...kept.day.tasks, ...open] } } : kept;
}

/** What may be fetched instead of the day of tasks; says whether it was. */
export const insteadOfDay: (() => Promise<boolean>)[] = [];

export async function fetchDay(): Promise<void> {
  const person = state.person;
  const ticket = person && state.known[person.id]?.ticket;
  if (!person || !ticket || state.known[person.id].isOut) return;
  const asked = Date.now();
  const headers: Record<string, string> = { Authorization: `Station ${ticket}` };
  if (state.kept) headers["If-None-Match"] = state.kept.mark;
  const also = (await store.fact<string[]>(`also.${person.id}`)) ?? [];
  try {
    for (const other of insteadOfDay)
      if (await other()) {
        queue.reached(true);
        return render();
      }
    const answer = await ask(`day${also.length ? `?also=${also.join(",")}` : ""}`, undefined, headers);
    queue.reached(true);
    const offset = serverAhead(answer, asked);
    const kept: KeptDay =
      answer.status === 304 && state.kept
        ? { ...state.kept, asked, offset }
        : withOpen({ day: (await answer.json()) as Day, mark: answer.headers.get("ETag") ?? "", asked, offset });
    await store.keep(`day.${person.id}`, kept);
    if (state.person?.id === person.id) state.kept = kept;
    void fetchDrawings(kept.day.tasks);
    void fetchOrders(person.id, ticket);
  } catch (fault) {
    if (fault instanceof Refused && fault.status === 401) await signedOut(person.id);
    else if (fault instanceof Refused) state.note = fault.message;
    else queue.reached(false);
  }
  render();
}

export async function signedOut(person: string): Promise<void> {
  await people.out(person);
  state.known = await people.people();
  render();
}
