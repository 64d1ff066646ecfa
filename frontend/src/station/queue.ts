/** The queue: an act is on the disk before anybody is told it is done, and leaves when the server has answered. */
import { t } from "../words";
import { ask, Refused, Unreached, upload } from "./link";
import type { Act, Known, Photo, State, Today } from "./model";
import * as store from "./store";

const MOST = 50;
/** How long settled acts stay in sight. */
const KEPT_HOURS = 48;
const [SOON, LATE] = [2_000, 60_000];
/** What the server says of a picture that it can never take, however often it is sent. */
const NEVER = ["file_content", "file_empty", "file_too_large", "picture_broken", "picture_too_large"];
/** What passes by itself: the act is not booked yet, or the content was hurt on its way. */
const PASSING = ["station.not_arrived", "station.wrong_photo"];

interface Answer {
  id: string;
  state: State;
  flags: string[];
  text: string;
}

export interface Hooks {
  changed: () => void;
  people: () => Promise<Record<string, Known>>;
  out: (person: string) => Promise<void>;
  settled: (person: string, today: Today) => Promise<void>;
}

let hooks: Hooks;
let timer = 0;
let pause = SOON;
let busy = false;
let again = false;
export let isReached = navigator.onLine;

/** Begins to send what waits: now, when the network comes back, when the page is looked at, and after a pause. */
export function begin(given: Hooks): void {
  hooks = given;
  addEventListener("online", () => send());
  addEventListener("offline", () => reached(false));
  document.addEventListener("visibilitychange", () => document.hidden || send());
  send();
}

/** Keeps an act, and sends it once whoever told it was answered; gives its place in the order. */
export async function put(act: Omit<Act, "seq">, photos: string[], facts: Record<string, unknown>): Promise<number> {
  const seq = await store.add(act, photos, facts);
  setTimeout(() => {
    if (photos.length) hooks.changed();
    send();
  });
  return seq;
}

/** Says of whom acts wait that cannot go: the server wants these people to sign in again. */
export function stranded(acts: Act[], known: Record<string, Known>): { person: string; count: number }[] {
  const counts = new Map<string, number>();
  for (const { _state, _person } of acts)
    if (_state === "waiting" && (!known[_person]?.ticket || known[_person].isOut)) counts.set(_person, (counts.get(_person) ?? 0) + 1);
  return [...counts].map(([person, count]) => ({ person, count }));
}

/** Sends what waits of somebody who is signed out by the ticket of another one; gives why not, nothing where it is done. */
export async function sendFor(person: string, ticket: string): Promise<string> {
  const work = async () => {
    for (;;) {
      const waiting = (await store.acts()).filter((act) => act._state === "waiting" && act._person === person);
      if (!waiting.length) break;
      await sendBatch(person, ticket, waiting.slice(0, MOST), true);
    }
    await sendPhotos({ [person]: { ticket } }, new Set(), true);
  };
  try {
    await (navigator.locks ? navigator.locks.request("station-sync", work) : work());
    return "";
  } catch (fault) {
    if (fault instanceof Refused) {
      answered(fault);
      return fault.message;
    }
    reached(false);
    return t("没有网络，稍后再试", "No network: try again later");
  }
}

/** Sends what waits, one page at a time for the whole device. */
export function send(): void {
  clearTimeout(timer);
  if (busy) {
    again = true;
    return;
  }
  busy = true;
  void alone(drain)
    .catch(() => true)
    .then((isDone) => {
      busy = false;
      if (again) {
        again = false;
        send();
        return;
      }
      pause = isDone ? SOON : Math.min(LATE, pause * 2);
      timer = window.setTimeout(send, isDone ? LATE : pause);
    });
}

async function alone(work: () => Promise<boolean>): Promise<boolean> {
  if (!navigator.locks) return work();
  return (await navigator.locks.request("station-sync", { ifAvailable: true }, (lock) => (lock ? work() : true))) ?? true;
}

/** Gives whether all is sent that can be; false when it is to be tried again soon. */
async function drain(): Promise<boolean> {
  const people = await hooks.people();
  const stuck = new Set<string>();
  for (;;) {
    const waiting = (await store.acts()).filter((act) => act._state === "waiting" && !stuck.has(act._person));
    if (!waiting.length) break;
    const person = waiting[0]._person;
    const end = waiting.findIndex((act) => act._person !== person);
    const batch = waiting.slice(0, Math.min(end < 0 ? waiting.length : end, MOST));
    const ticket = people[person]?.ticket;
    if (!ticket || people[person].isOut) {
      stuck.add(person);
      continue;
    }
    try {
      await sendBatch(person, ticket, batch);
    } catch (fault) {
      if (!(fault instanceof Refused)) {
        reached(false);
        return false;
      }
      stuck.add(person);
      answered(fault);
      if (fault.status === 401) await hooks.out(person);
    }
  }
  const isDone = await sendPhotos(people, stuck);
  await tidy();
  return isDone && stuck.size === 0;
}

/** Sends the photos whose act is at the server; gives whether all are gone that can be. An act never waits for them. */
async function sendPhotos(people: Record<string, Pick<Known, "ticket">>, stuck: Set<string>, isForOther = false): Promise<boolean> {
  const photos = (await store.photos()).filter((one) => one.act);
  if (!photos.length) return true;
  const acts = new Map((await store.acts()).map((act) => [act.id, act]));
  for (const one of photos) {
    const state = acts.get(one.act as string)?._state ?? "done";
    const ticket = people[one.person ?? ""]?.ticket;
    if (state === "refused") await store.dropPhoto(one.digest);
    if (state === "waiting" || state === "refused" || !ticket || stuck.has(one.person ?? "")) continue;
    try {
      const answer = await upload(`photo?act=${one.act}&kind=${one.kind}&digest=${one.digest}${isForOther ? `&person=${one.person}` : ""}`, one.blob, { Authorization: `Station ${ticket}` });
      const told = (await answer.json().catch(() => ({}))) as { digest?: string } | null;
      if (told?.digest === one.digest) await store.dropPhoto(one.digest);
      else await hold(one, t("收到的不是服务器的回执", "What answered was not the server"));
    } catch (fault) {
      if (!(fault instanceof Refused)) {
        reached(false);
        return false;
      }
      answered(fault);
      if (fault.status === 401) stuck.add(one.person ?? "");
      else if (NEVER.includes(fault.code)) await giveUp(one, acts.get(one.act as string), fault.message);
      else if (!PASSING.includes(fault.code)) await hold(one, fault.message || `HTTP ${fault.status}`);
    }
    hooks.changed();
  }
  return true;
}

/** Keeps a photo that something on the way would not take, with the reason; it is sent again later. */
async function hold(one: Photo, fault: string): Promise<void> {
  if (one.fault !== fault) await store.keepPhoto({ ...one, fault });
}

/** Drops a photo that the server can never take, and says so at its act. */
async function giveUp(one: Photo, act: Act | undefined, why: string): Promise<void> {
  await store.dropPhoto(one.digest);
  const text = t("照片不能入账：{why}", "A photo cannot be taken: {why}", { why });
  if (act) await store.change([act.seq], (held) => ({ ...held, _text: [held._text, text].filter(Boolean).join(" ") }));
}

async function sendBatch(person: string, ticket: string, batch: Act[], isForOther = false): Promise<void> {
  const device = await deviceKey();
  const acts = batch.map(sent);
  const body = { device, sent_at: new Date().toISOString(), acts, ...(isForOther ? { person } : {}) };
  const answer = await ask("sync", body, { Authorization: `Station ${ticket}` });
  const told = (await answer.json().catch(() => {
    throw new Unreached();
  })) as { acts: Answer[]; today: Today };
  const states = new Map(told.acts.map((one) => [one.id, one]));
  if (batch.some((act) => !states.has(act.id))) throw new Unreached();
  const now = Date.now();
  await store.change(
    batch.map((act) => act.seq),
    (act) => {
      const one = states.get(act.id);
      return one ? { ...act, _state: one.state, _text: one.text, _flags: one.flags, _settled: now } : act;
    },
  );
  reached(true);
  await hooks.settled(person, told.today);
}

/** Gives an act as it is sent: without what is the device's own. */
function sent(act: Act): Record<string, unknown> {
  const { body, parts, ...rest } = act;
  const told = Object.fromEntries(Object.entries(rest).filter(([name]) => !name.startsWith("_")));
  return body ? { ...told, ...body } : { ...told, parts };
}

/** Gives the key under which this device's acts stand in one order. */
async function deviceKey(): Promise<string> {
  return (await store.fact<string>("device.key")) as string;
}

async function tidy(): Promise<void> {
  const edge = Date.now() - KEPT_HOURS * 3_600_000;
  const old = (await store.acts()).filter((act) => act._state !== "waiting" && (act._settled ?? 0) < edge);
  if (old.length) await store.change(old.map((act) => act.seq), () => null);
}

/** Says that the server is reached where it was the server that refused: what lies between knows no such code. */
function answered(fault: Refused): void {
  if (fault.code) reached(true);
}

export function reached(now: boolean): void {
  if (isReached === now) return;
  isReached = now;
  hooks.changed();
}
