/** The station's second face, for those who work in a warehouse; its code is fetched when it is first needed. */
import { t } from "../words";
import { tell } from "./acts";
import { insteadOfDay } from "./day";
import { h } from "./dom";
import type { Person } from "./model";
import * as queue from "./queue";
import { addScreen, entries, pad, render, setHome } from "./shell";
import { state } from "./state";
import { finders } from "./tasks";
import type { Face } from "./warehouse/face";

const NAME = "warehouse";
const faces: Record<string, Promise<Face>> = {};
const opened: Record<string, Face> = {};

const sees = (what: string, person: Person | null = state.person) => Boolean(person?.faces?.includes(what));
/** Says whether the warehouse is where somebody begins: whoever also works at operations goes there by the menu. */
const isKeeper = () => sees(NAME) && !sees("work");
const face = () => opened[state.person?.id ?? ""];

async function fetched(): Promise<Face> {
  const id = state.person?.id ?? "";
  faces[id] ??= import("./warehouse/face").then(({ open }) =>
    open({
      person: () => state.person, ticket: () => state.known[id]?.ticket ?? "", acts: () => state.acts,
      isShown: () => state.screen === NAME, isReached: () => queue.isReached, tell: (made) => tell(made).then(render), render, pad,
    }),
  );
  return (opened[id] = await faces[id]);
}

function screen(): HTMLElement[] {
  const now = face();
  if (now) return now.draw();
  void fetched().then((one) => one.refresh().catch(() => null)).then(render);
  return [h("main.tasks", {})];
}

setHome((otherwise) => (isKeeper() ? NAME : otherwise));
addScreen(NAME, screen, () => face()?.back() ?? false, () => face()?.isDeep() ?? false);
entries.push({ screen: NAME, icon: "list-check", text: () => t("仓库", "Warehouse"), isFor: () => sees(NAME) && sees("work") });
insteadOfDay.push(async () => {
  if (isKeeper() || face()) await (await fetched()).refresh();
  return isKeeper();
});
finders.push(async (_scanned, text) => {
  if (!isKeeper()) return false;
  state.screen = NAME;
  (await fetched()).scanned(text);
  return true;
});
