import { describe, expect, it, vi } from "vitest";
import type { Task } from "./model";
import type { Draft } from "./state";

class Fake {
  words: Record<string, string> = {};
  inside: (Fake | string)[] = [];
  tap?: () => void;
  addEventListener = (type: string, hear: (event: unknown) => void): void => void (this.tap = () => hear({ type, currentTarget: this }));
  setAttribute = (name: string, value: string): void => void (this.words[name] = value);
  append = (one: Fake | string): void => void this.inside.push(one);
}
vi.stubGlobal("Node", Fake);
vi.stubGlobal("document", { documentElement: { lang: "zh" }, createElement: () => new Fake() });
const { machineChips, machineOf } = await import("./machines");

const task = { id: "o", machine: "m1", machine_code: "T-1" } as Task;
const several = { ...task, id: "p", machines: [{ id: "m1", code: "T-1" }, { id: "m2", code: "T-2", state: "down" }] };

describe("the machine of a report", () => {
  it("is the one proposed, and none where none is known", () => {
    expect([machineOf(task), machineOf({ ...task, machine: undefined })]).toEqual(["m1", ""]);
  });
  it("is the one that was tapped, for the next reports at the task too", () => {
    const changes: Partial<Draft>[] = [];
    const row = machineChips(several, {} as Draft, (more) => changes.push(more)) as unknown as Fake;
    const chips = row.inside.slice(1) as Fake[];
    expect(chips.map((one) => [one.words["data-machine"], one.words["aria-pressed"]])).toEqual([["m1", "true"], ["m2", "false"]]);
    chips[1].tap?.();
    expect(changes).toEqual([{ machine: "m2" }]);
    expect([machineOf(several), machineOf(task), machineOf(several, { machine: "m1" } as Draft)]).toEqual(["m2", "m1", "m1"]);
  });
});
