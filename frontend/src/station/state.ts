/** What the station shows and what is being filled in: one state, read by every screen. */
import type { Act, KeptDay, Known, Mounted, Person, Task, Today } from "./model";
import { isAhead, sumsAt, withActs } from "./model";
import * as people from "./people";
import * as store from "./store";

/** What is being filled in at a task; kept on the device, so that a reload takes nothing. */
export interface Draft {
  task: string;
  /** Where the keys of the pad go: good, bad, or a datum. */
  field: string;
  good: string;
  bad: string;
  /** Why they are bad; where there are several reasons, that of those which no other one counts. */
  reason: string;
  /** The machine that was tapped. */
  machine?: string;
  /** Further reasons with how many pieces each. */
  others: Record<string, string>;
  isRework: boolean;
  isFresh: boolean;
  /** Serial numbers of the good pieces, where they bear any. */
  serials: string[];
  data: Record<string, string>;
  /** Who shares the report and in which parts; nobody is oneself alone. */
  shares: Record<string, number>;
  photos: string[];
  isSure: boolean;
}

/** Tasks that were scanned and are told beside those at work. */
const MOST_ALSO = 20;

export const state = {
  screen: "sign",
  person: null as Person | null,
  device: undefined as people.Device | undefined,
  known: {} as Record<string, Known>,
  kept: null as KeptDay | null,
  acts: [] as Act[],
  draft: null as Draft | null,
  /** What was begun at other tasks and is not told yet, by task. */
  drafts: {} as Record<string, Draft>,
  tab: "report" as "report" | "info",
  done: null as Act | null,
  sign: { code: "", pin: "", pairing: "", fault: "", isBusy: false, field: "code" as "code" | "pin" },
  mounted: {} as Record<string, Mounted[]>,
  photos: 0,
  /** Why photos that were sent are still here, one reason for each. */
  held: [] as string[],
  find: "",
  note: "",
  labelFault: "",
  /** Whether codes can be read on this device without a network. */
  canScan: false,
};

export const isChinese = () => document.documentElement.lang.startsWith("zh");
export const named = (one: { name: string; name_en?: string }) => (isChinese() ? one.name : one.name_en || one.name);
export const number = (text: string | undefined) => Number(text ?? 0) || 0;
export const hours = (minutes: string) => (number(minutes) / 60).toFixed(1);

export const mine = () => state.acts.filter((act) => act._person === state.person?.id);
const ahead = () => (state.kept ? state.acts.filter((act) => isAhead(act, state.kept?.asked ?? 0)) : state.acts);
/** The tasks as they were last asked for, and of what: they are the same until a day comes or an act is told. */
let lately: { kept: KeptDay | null; acts: Act[]; tasks: Task[] } | undefined;

export function tasks(): Task[] {
  const { kept, acts } = state;
  if (lately?.kept !== kept || lately.acts !== acts) lately = { kept, acts, tasks: kept ? withActs(kept.day.tasks, ahead()) : [] };
  return lately.tasks;
}
export const today = (): Today | null =>
  state.kept && state.person ? sumsAt(state.kept, state.acts, state.person, Date.now()) : null;
export const waiting = () => state.acts.filter((act) => act._state === "waiting").length;
export const troubled = () => mine().filter((act) => act._state === "kept" || act._state === "refused").length;

export async function load(): Promise<void> {
  state.known = await people.people();
  state.device = await people.device();
  const current = await store.fact<string>("current");
  state.person = (current && state.known[current]?.person) || null;
  await readQueue();
  state.mounted = (await store.fact<Record<string, Mounted[]>>("mounted")) ?? {};
  if (state.person) {
    state.kept = (await store.fact<KeptDay>(`day.${state.person.id}`)) ?? null;
    state.draft = (await store.fact<Draft>("draft")) ?? null;
    if (state.draft) state.draft = { ...fresh(state.draft.task), ...state.draft };
    const others = Object.entries((await store.fact<Record<string, Draft>>("drafts")) ?? {});
    state.drafts = Object.fromEntries(others.map(([task, draft]) => [task, { ...fresh(task), ...draft }]));
  }
}

/** Reads again what waits on the device. */
export async function readQueue(): Promise<void> {
  state.acts = await store.acts();
  const photos = (await store.photos()).filter((one) => one.act);
  state.photos = photos.length;
  state.held = photos.map((one) => one.fault ?? "").filter(Boolean);
}

/** Gives an empty report at a task. */
export const fresh = (task: string): Draft => ({
  task, field: "good", good: "", bad: "", reason: "", others: {}, isRework: false, isFresh: true, serials: [], data: {}, shares: {}, photos: [], isSure: false,
});

/** Keeps a task that was scanned, so that this device tells it from now on, also without a network. */
export async function keepTask(task: Task): Promise<void> {
  const [person, kept] = [state.person, state.kept];
  if (!person || !kept) return;
  const also = ((await store.fact<string[]>(`also.${person.id}`)) ?? []).filter((one) => one !== task.id);
  if (!task.named) await store.keep(`also.${person.id}`, [...also, task.id].slice(-MOST_ALSO));
  state.kept = { ...kept, mark: "", day: { ...kept.day, tasks: [...kept.day.tasks.filter((one) => one.id !== task.id), task] } };
  await store.keep(`day.${person.id}`, state.kept);
}

export async function setDraft(draft: Draft | null): Promise<void> {
  state.draft = draft;
  await store.keepAll({ draft }, "relaxed");
}

const DIGEST = /^[0-9a-f]{64}$/;
const photosOf = (draft: Draft): string[] => [...draft.photos, ...Object.values(draft.data).filter((one) => DIGEST.test(one))];

/** Says whether anything was entered that would be lost. */
export const isBegun = (draft: Draft | null | undefined): draft is Draft =>
  Boolean(draft && (draft.good || draft.bad || draft.reason || draft.serials.length || draft.photos.length || Object.keys(draft.shares).length || Object.values(draft.data).some(Boolean)));

/** Says whether something was entered at a task and not told yet. */
export const isBegunAt = (task: string): boolean => isBegun(state.draft?.task === task ? state.draft : state.drafts[task]);

/** Opens the report of a task as it was left, or an empty one; what was begun at another task stays aside. */
export async function openDraft(task: string): Promise<void> {
  if (state.draft?.task === task) return;
  const { [task]: begun, ...others } = state.drafts;
  if (isBegun(state.draft)) others[state.draft.task] = state.draft;
  const old = Object.keys(others).slice(0, -MOST_ALSO);
  const dropped = old.map((one) => others[one]);
  for (const one of old) delete others[one];
  Object.assign(state, { draft: begun ?? fresh(task), drafts: others });
  await store.keepAll({ draft: state.draft, drafts: others }, "relaxed");
  await store.dropUntold(dropped.flatMap(photosOf));
}

/** Throws away what was entered at the open task, with its photos. */
export async function dropDraft(): Promise<void> {
  const draft = state.draft;
  await setDraft(null);
  if (draft) await store.dropUntold(photosOf(draft));
}

/** Throws away all that was begun, with its photos: whoever comes next begins anew. */
export async function dropDrafts(): Promise<void> {
  const all = [...(state.draft ? [state.draft] : []), ...Object.values(state.drafts)];
  Object.assign(state, { draft: null, drafts: {} });
  await store.keepAll({ draft: null, drafts: null });
  await store.dropUntold(all.flatMap(photosOf));
}
