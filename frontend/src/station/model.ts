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

/** What an act remembers of its task. */
export type Told = Pick<Task, "number" | "sequence" | "name" | "is_last">;

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
  order_quantity: string;
  /** Scanned without a network, and not known to the device yet. */
  isBlind?: boolean;
  /** Of a temporary card: whatever is scanned there is material as used. */
  temporary?: boolean;
  machine?: string;
  machine_code?: string;
  work_centre?: string;
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
}

export interface Today {
  good: string;
  bad: string;
  minutes: string;
  wage: string;
  share?: string;
  lines: { number: string; operation: string; kind: Kind; quantity: string; wage: string }[];
}

export interface Person {
  id: string;
  name: string;
  code: string;
  employee: string | null;
  /** What somebody sees: the work at operations, the warehouse. */
  faces?: string[];
}

export interface Day {
  day: string;
  person: Person & { may_report: boolean; may_use?: boolean };
  tasks: Task[];
  reasons: Reason[];
  people: { id: string; code: string; name: string }[];
  today: Today;
  help?: { id: string; code: string; name: string; name_en: string; severity: string }[];
}

/** A day as the device keeps it: when it was asked for, and the server's mark of it. */
export interface KeptDay {
  day: Day;
  mark: string;
  asked: number;
}

/** Somebody who has signed in on this device, and what an offline sign-in is checked by. */
export interface Known {
  person: Person;
  ticket: string;
  proofs: Record<string, { salt: string; hash: string }>;
  isOut?: boolean;
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

/** Gives today's sums with what this device has told since. */
export function todayWith(today: Today, acts: Act[], all: Act[]): Today {
  const kinds = new Map(all.flatMap((act) => act.parts.map((part) => [part.id, { part, rate: act._rate ?? 0 }] as const)));
  let [good, bad, wage] = [number(today.good), number(today.bad), number(today.wage)];
  const count = (part: Part, rate: number, sign: number) => {
    if (part.kind === "good") {
      good += sign * number(part.quantity);
      wage += sign * number(part.quantity) * rate;
    } else if (part.kind === "scrap" || part.kind === "rework") bad += sign * number(part.quantity);
  };
  for (const act of acts) {
    for (const part of act.parts) {
      const undone = part.reverses ? kinds.get(part.reverses) : undefined;
      if (part.kind !== "undo") count(part, act._rate ?? 0, 1);
      else if (undone) count(undone.part, undone.rate, -1);
    }
  }
  return { ...today, good: rounded(good), bad: rounded(bad), wage: wage.toFixed(2) };
}
