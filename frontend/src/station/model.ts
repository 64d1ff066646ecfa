/** What the station knows: tasks of a day, people, and acts on their way. */
export type Kind = "start" | "pause" | "good" | "scrap" | "rework" | "undo";
export type State = "waiting" | "done" | "flagged" | "kept" | "refused";

export interface Part {
  id: string;
  kind: Kind;
  quantity?: string;
  defects?: { reason: string; quantity: string }[];
  reverses?: string;
  /** The serial number of a piece, and what went into it. */
  output_lot?: string;
  lots?: { lot: string; quantity: string }[];
}

/** What somebody did in one go. What begins with `_` stays on the device. */
export interface Act {
  seq: number;
  id: string;
  kind: string;
  at: string;
  operation?: string;
  machine?: string;
  named?: Named;
  parts: Part[];
  /** What an act of a further kind says beside: sent as fields of its own. */
  body?: Record<string, unknown>;
  people?: { employee: string; share?: string }[];
  lots?: { lot: string; quantity: string }[];
  data?: Record<string, string>;
  note?: string;
  output_lot?: string;
  said: string;
  _person: string;
  _state: State;
  _text?: string;
  _flags?: string[];
  _settled?: number;
  _rate?: number;
  /** What was told about, as it stood: its task leaves the day with the last piece. */
  _task?: Told;
}

/** An operation by what its traveller says, where the device knows no more of the order. */
export interface Named {
  order?: string;
  number?: string;
  sequence: number;
}

/** What an act remembers of its task. */
export type Told = Pick<Task, "number" | "sequence" | "name" | "is_last" | "ratio" | "run_minutes">;

/** A lot that a material may be taken from, as the device knows it. */
export interface Lot {
  id: string;
  number: string;
  state: "released" | "held" | "rejected";
  quantity: string;
  at: string;
  /** The last day on which it may be used. */
  expires?: string;
}

export interface Material {
  item_id: string;
  item: string;
  name: string;
  unit: string;
  unit_en: string;
  needed: string;
  issued: string;
  owed: string;
  flushed: boolean;
  fixed: boolean;
  place: string;
  places: number;
  tracking: "none" | "lot" | "serial";
  there: string;
  lots: Lot[];
}

/** One thing to be entered with a report. */
export interface Datum {
  name: string;
  name_en?: string;
  kind: "number" | "choice" | "text" | "photo" | "time";
  unit?: string;
  minimum?: string;
  maximum?: string;
  choices?: string[];
  is_required?: boolean;
}

export interface Drawing {
  id: string;
  name: string;
  type: string;
  small: boolean;
}

/** A lot that was scanned at a task and is being used up there. */
export interface Mounted {
  lot: string;
  number: string;
  item_id: string;
  item: string;
  left: string;
  isUnchecked?: boolean;
}

/** A photo on its way: it follows the act that it belongs to. */
export interface Photo {
  digest: string;
  blob: Blob;
  act?: string;
  kind?: string;
  person?: string;
  /** Why it was not taken when it was sent last; it is kept, and sent again. */
  fault?: string;
}

export interface Task {
  id: string;
  order: string;
  number: string;
  priority: string;
  due_on: string;
  item: string;
  item_name: string;
  specification?: string;
  unit: string;
  unit_en?: string;
  sequence: number;
  name: string;
  name_en?: string;
  state: string;
  quantity: string;
  good: string;
  scrap: string;
  rework: string;
  room: string;
  ratio: string;
  rate: string;
  /** What the routing says that one finished piece takes. */
  run_minutes?: string;
  places: number;
  started: number;
  instructions?: string;
  capture?: Datum[];
  drawings?: Drawing[];
  lot?: string;
  is_last?: boolean;
  /** Where finished pieces bear serial numbers: the last one that was numbered after the order. */
  serials?: number;
  stopped?: boolean;
  /** Which exceptions stop it, and who raised them. */
  why_stopped?: string;
  order_quantity: string;
  /** Scanned without a network: what there is to do is not known to the device yet. */
  isBlind?: boolean;
  /** Told by number, for not even its key is known. */
  named?: Named;
  /** Of a temporary card: whatever is scanned there is material as used. */
  temporary?: boolean;
  machine?: string;
  machine_code?: string;
  /** Where its work centre has several: all of them, with what they do unless they run. */
  machines?: { id: string; code: string; state?: string }[];
  work_centre?: string;
  work_centre_id?: string;
  /** Who reports here, where the person is none of them: those with the skill, or those it was given to. */
  outside?: "skilled" | "given";
  skill?: string;
  mine: boolean;
  materials: Material[];
  last: { kind: Kind; quantity: string; at: string; who: string }[];
}

export interface Reason {
  id: string;
  code: string;
  name: string;
  name_en: string;
  kind: "scrap" | "rework" | "both";
  /** The work centres where it is offered; everywhere without any. */
  centres?: string[];
}

export interface Today {
  good: string;
  bad: string;
  minutes: string;
  wage: string;
  share?: string;
  lines: { number: string; operation: string; kind: Kind; quantity: string; wage: string }[];
  /** Only what this device has told: the server was not asked yet on the day it is. */
  isLocal?: boolean;
}

export interface Person {
  id: string;
  name: string;
  code: string;
  employee: string | null;
  /** What somebody sees: the work at operations, the warehouse. */
  faces?: string[];
  /** Whether they may send what waits of people of theirs who are signed out. */
  leads?: boolean;
}

/** What somebody told in one go and the server has, on whatever device it was told. */
export interface Reported {
  at: string;
  operation: string;
  number: string;
  sequence: number;
  name: string;
  name_en?: string;
  approved: boolean;
  parts: Part[];
}

export interface Day {
  /** The plant's day whose sums are told, when its shift is over, and the plant's time zone. */
  day: string;
  ends?: string;
  zone?: string;
  person: Person & { may_report: boolean; may_use?: boolean };
  tasks: Task[];
  reasons: Reason[];
  people: { id: string; code: string; name: string }[];
  today: Today;
  /** One's own last reports of the day that are not taken back. */
  reported?: Reported[];
  help?: { id: string; code: string; name: string; name_en: string; severity: string }[];
}

/** A day as the device keeps it: when it was asked for, the server's mark of it, and how far its clock is ahead (ms). */
export interface KeptDay {
  day: Day;
  mark: string;
  asked: number;
  offset?: number;
}

/** Somebody who has signed in on this device, and what an offline sign-in is checked by. */
export interface Known {
  person: Person;
  ticket: string;
  proofs: Record<string, { salt: string; hash: string }>;
  isOut?: boolean;
}

/** Gives the reasons offered at a task: those of its work centre; all where it is not known, or where there would be none. */
export function offered(reasons: Reason[], task?: Task): Reason[] {
  if (!task || task.isBlind) return reasons;
  const here = reasons.filter((one) => !one.centres || one.centres.includes(task.work_centre_id ?? ""));
  return here.length ? here : reasons;
}

/** Says whether an act is not in the figures that the server told when asked at a time. */
export function isAhead(act: Act, asked: number): boolean {
  if (act._state === "waiting") return true;
  return (act._state === "done" || act._state === "flagged") && (act._settled ?? 0) > asked;
}

/** Says whether what was told has been taken back, or is being so. */
export function isUndone(told: Act, all: Act[]): boolean {
  const keys = new Set(told.parts.map((part) => part.id));
  return all.some((act) => act._state !== "refused" && act.parts.some((part) => keys.has(part.reverses ?? "")));
}

/** Gives what the server has of one's own as an act, so that it is taken back as one that this device told. */
export const actOf = (one: Reported, person: string, said: string): Act =>
  ({ seq: 0, id: one.parts[0].id, kind: "report", at: one.at, operation: one.operation, parts: one.parts, said, _person: person, _state: "done" });

const number = (text: string | undefined): number => Number(text ?? 0) || 0;
export const rounded = (value: number): string => String(Math.round(value * 1e6) / 1e6);

/** Gives the tasks as they stand once what this device has told since is counted. */
export function withActs(tasks: Task[], acts: Act[]): Task[] {
  const found = new Map(tasks.map((task) => [task.id, { ...task }]));
  const bySequence = [...found.values()].sort((a, b) => a.sequence - b.sequence);
  const kinds = new Map<string, { task: string; part: Part }>();
  for (const act of acts) for (const part of act.parts) if (act.operation) kinds.set(part.id, { task: act.operation, part });
  const apply = (id: string, part: Part, sign: number) => {
    const task = found.get(id);
    if (!task) return;
    const count = sign * number(part.quantity);
    if (part.kind === "start" || part.kind === "pause") {
      const by = part.kind === "start" ? sign : -sign;
      task.started = Math.max(0, task.started + by);
      task.state = task.started > 0 ? "running" : task.state;
      return;
    }
    task.room = rounded(Math.max(0, number(task.room) - count));
    if (part.kind === "good") task.good = rounded(number(task.good) + count);
    if (part.kind === "scrap") task.scrap = rounded(number(task.scrap) + count);
    if (part.kind === "rework") task.rework = rounded(number(task.rework) + count);
    if (part.kind !== "good") return;
    const next = bySequence.find((one) => one.order === task.order && one.sequence > task.sequence);
    if (next) next.room = rounded(Math.max(0, number(next.room) + (count / (number(task.ratio) || 1)) * (number(next.ratio) || 1)));
  };
  for (const act of acts) {
    for (const part of act.parts) {
      if (part.kind !== "undo") {
        if (act.operation) apply(act.operation, part, 1);
      } else {
        const undone = part.reverses ? kinds.get(part.reverses) : undefined;
        if (undone) apply(undone.task, undone.part, -1);
      }
    }
  }
  return tasks.map((task) => found.get(task.id) ?? task);
}

const NOTHING: Today = { good: "0", bad: "0", minutes: "0", wage: "0.00", lines: [] };
const COUNTED: Kind[] = ["good", "scrap", "rework"];

/** How days are told in each time zone: making that takes longer than all else of a sum. */
const calendars = new Map<string | undefined, Intl.DateTimeFormat>();

/** Gives the day of an instant in a time zone, as 2026-11-30. */
export function dayOf(at: number, zone?: string): string {
  const calendar = calendars.get(zone) ?? new Intl.DateTimeFormat("sv-SE", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit" });
  calendars.set(zone, calendar);
  return calendar.format(at);
}

/** A clock that is off by more (ms) is told to the worker. */
const FAR_OFF = 5 * 60_000;

/** Gives by how many minutes a device's clock is behind where that is far, below zero when ahead; else 0. */
export const minutesOff = (offset = 0): number => (Math.abs(offset) > FAR_OFF ? Math.trunc(offset / 60_000) : 0);

/** Gives the sums of the day it is now at the plant: the server's where they are of that day, else those of this device. */
export function sumsAt(kept: KeptDay, acts: Act[], me: Person, now: number): Today {
  const at = (clock: number) => dayOf(clock + (kept.offset ?? 0), kept.day.zone);
  const isOver = kept.day.ends ? now + (kept.offset ?? 0) >= Date.parse(kept.day.ends) : at(now) > kept.day.day;
  const day = isOver && at(now) > kept.day.day ? at(now) : kept.day.day;
  const isLocal = day !== kept.day.day;
  const ahead = acts.filter((act) => isAhead(act, kept.asked));
  const isOlder = (act: Act) => at(Date.parse(act.at)) < day;
  const missed = new Set(ahead.filter(isOlder).flatMap((act) => act.parts.map((part) => part.id)));
  const isOfMissed = (act: Act) => act.parts.some((part) => missed.has(part.reverses ?? ""));
  const sums = todayWith(isLocal ? NOTHING : kept.day.today, ahead.filter((act) => !isOlder(act) && !isOfMissed(act)), acts, me);
  return isLocal ? { ...sums, isLocal } : sums;
}

/** Gives today's sums with one's own part of what this device has told since. */
export function todayWith(today: Today, acts: Act[], all: Act[], me: Person): Today {
  const told = new Map(all.flatMap((act) => act.parts.map((part) => [part.id, { act, part }] as const)));
  let [good, bad, minutes, wage] = [number(today.good), number(today.bad), number(today.minutes), number(today.wage)];
  const lines = new Map(today.lines.map((one) => [`${one.number} ${one.operation} ${one.kind}`, { ...one }]));
  const count = (act: Act, part: Part, sign: number) => {
    const own = sign * ownPart(act, me);
    if (!own || !COUNTED.includes(part.kind)) return;
    const quantity = own * number(part.quantity);
    const earned = part.kind === "good" ? quantity * (act._rate ?? 0) : 0;
    if (part.kind === "good") good += quantity;
    else bad += quantity;
    wage += earned;
    minutes += own * minutesOf(act, part, all);
    if (!act._task) return;
    const { number: order, sequence, name } = act._task;
    const key = `${order} ${sequence} ${name} ${part.kind}`;
    const line = lines.get(key) ?? { number: order, operation: `${sequence} ${name}`, kind: part.kind, quantity: "0", wage: "0" };
    lines.set(key, { ...line, quantity: rounded(number(line.quantity) + quantity), wage: (number(line.wage) + earned).toFixed(2) });
  };
  for (const act of acts) {
    for (const part of act.parts) {
      const undone = part.reverses ? told.get(part.reverses) : undefined;
      if (part.kind !== "undo") count(act, part, 1);
      else if (undone) count(undone.act, undone.part, -1);
    }
  }
  const shown = [...lines.values()].filter((one) => number(one.quantity) !== 0);
  return { ...today, good: rounded(good), bad: rounded(bad), minutes: String(Math.round(minutes)), wage: wage.toFixed(2), lines: shown };
}

/** Gives somebody's part of what was told: all of what they told alone, their share where several are named. */
function ownPart(act: Act, me: Person): number {
  if (!me.employee) return 0;
  if (!act.people?.length) return act._person === me.id ? 1 : 0;
  const share = (one: { share?: string }) => (one.share === undefined ? 1 : number(one.share));
  const whole = act.people.reduce((sum, one) => sum + share(one), 0);
  const own = act.people.filter((one) => one.employee === me.employee).reduce((sum, one) => sum + share(one), 0);
  return whole ? own / whole : 0;
}

/** Gives the time that a count took, of all its people: by the clock where somebody is at work, else by the routing. */
function minutesOf(act: Act, part: Part, all: Act[]): number {
  const routed = (number(act._task?.run_minutes) * number(part.quantity)) / (number(act._task?.ratio) || 1);
  const worked = clocked(act, all);
  if (worked === null) return routed;
  const isFirst = act.parts.find((one) => COUNTED.includes(one.kind)) === part;
  return isFirst ? worked * Math.max(1, act.people?.length ?? 0) || routed : 0;
}

/** Gives the minutes since somebody's start or last count at a task; null where they are not at work on it. */
function clocked(act: Act, all: Act[]): number | null {
  let began: number | null = null;
  let worked = 0;
  for (const one of all.slice(0, all.findIndex((other) => other.id === act.id))) {
    if (one.operation !== act.operation || one._person !== act._person || one._state === "refused" || isUndone(one, all)) continue;
    const at = Date.parse(one.at);
    if (one.kind === "start") began ??= at;
    else if (one.kind === "pause") {
      worked += began === null ? 0 : at - began;
      began = null;
    } else if (one.parts.some((part) => COUNTED.includes(part.kind))) {
      worked = 0;
      began = began === null ? null : at;
    }
  }
  return began === null ? null : Math.max(0, worked + Date.parse(act.at) - began) / 60_000;
}
