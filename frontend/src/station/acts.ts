/** Acts on their way: what somebody did goes to the disk first, then into the queue. */
import { newId } from "./ids";
import type { Act, Part, Task } from "./model";
import * as queue from "./queue";
import { number, state } from "./state";

/** Makes an act of production at a task; one that takes others back is at none. */
export function act(task: Task | null, kind: Act["kind"], parts: Part[], said: string, more: Partial<Act> = {}): Omit<Act, "seq"> {
  const head = { id: parts[0].id, kind, at: new Date().toISOString(), parts, said };
  return { ...head, ...(task ? at(task) : {}), _person: state.person?.id ?? "", _state: "waiting", ...more };
}

const at = (task: Task): Pick<Act, "operation" | "named" | "_rate" | "_task"> => {
  const { number: order, sequence, name, is_last, ratio, run_minutes } = task;
  return { ...(task.named ? { named: task.named } : { operation: task.id }), _rate: number(task.rate), _task: { number: order, sequence, name, is_last, ratio, run_minutes } };
};

/** Makes and tells an act of a further kind, which a module of its own books; its key is that of what it becomes. */
export async function tellFurther(kind: string, said: string, body: Record<string, unknown>, photos: string[] = []): Promise<string> {
  const key = newId();
  await tell({ id: key, kind, at: new Date().toISOString(), parts: [], body, said, _person: state.person?.id ?? "", _state: "waiting" }, photos);
  return key;
}

/** Puts an act into the queue; photos belong to it from now on, facts change with it or not at all. */
export async function tell(made: Omit<Act, "seq">, photos: string[] = [], facts: Record<string, unknown> = {}): Promise<void> {
  const seq = await queue.put(made, photos, facts);
  state.acts = [...state.acts, { ...made, seq }];
}
