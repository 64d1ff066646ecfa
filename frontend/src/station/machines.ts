/** On which machine it is done: the one proposed, or the one that was tapped where the work centre has several. */
import { t } from "../words";
import { h } from "./dom";
import type { Task } from "./model";
import type { Draft } from "./state";

const stands = (state: string): string => (state === "maintenance" ? t("保养", "maintenance") : t("故障", "down"));

/** What was tapped at a task, until the page is opened anew; a draft keeps its own. */
const picked = new Map<string, string>();

/** Gives the machine that is told with what is done at a task, "" where none is known. */
export function machineOf(task: Task, draft?: Draft | null): string {
  return draft?.machine || picked.get(task.id) || task.machine || "";
}

/** Gives the machines to tap; the only one, or none that is known, is shown or left out. */
export function machineChips(task: Task, draft: Draft, change: (more: Partial<Draft>) => void): HTMLElement | null {
  const own = machineOf(task, draft);
  if (!task.machines) return task.machine_code ? h("span.chip.chip-flat", {}, task.machine_code) : null;
  const pick = (id: string) => {
    picked.set(task.id, id);
    change({ machine: id });
  };
  const chip = (one: { id: string; code: string; state?: string }) => {
    const state = one.state ? stands(one.state) : "";
    return h(`button.chip${one.id === own ? ".is-on" : ""}`, { type: "button", "data-machine": one.id, "aria-pressed": one.id === own ? "true" : "false", onclick: () => pick(one.id) }, one.code, state ? h("small.dim", {}, ` ${state}`) : null);
  };
  return h("div.chips", { role: "group", "aria-label": t("设备", "Machine") }, h("small.dim", {}, t("设备", "Machine")), task.machines.map(chip));
}
