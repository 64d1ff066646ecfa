/** The warehouse: the station's second face, for whoever receives, stores, picks and counts. Loaded when it is needed. */
import "./warehouse.css";
import "./icons";
import { h, icon } from "../dom";
import { Refused } from "../link";
import * as store from "../store";
import { t } from "../../words";
import * as alarm from "./alarm";
import * as counting from "./counting";
import type { Day, Kept } from "./data";
import { fetchDay, named, withTold } from "./data";
import type { At, Desk, Host, Screen } from "./desk";
import { empty, said } from "./desk";
import * as picking from "./picking";
import * as receiving from "./receiving";

const TYPED_TOGETHER = 80;

export interface Face {
  draw: () => HTMLElement[];
  /** Goes one screen back; says whether there was one. */
  back: () => boolean;
  isDeep: () => boolean;
  scanned: (text: string) => void;
  refresh: () => Promise<void>;
}

const home: Screen = {
  draw: (desk) => {
    const { day } = desk;
    const tile = (name: string, sign: string, title: string, count: number | "", right: string, more: Record<string, unknown> = {}) =>
      desk.may(right)
        ? h("button.ware-tile", { type: "button", "data-open": name, onclick: () => desk.go(name, more) }, icon(sign), h("b", {}, title), count === "" ? null : h("span.ware-number", {}, String(count)))
        : null;
    const lines = (papers: { lines: unknown[] }[]) => papers.reduce((sum, one) => sum + one.lines.length, 0);
    return [
      receiving.labelsOfArrival(desk),
      h("div.ware-tiles", {},
        tile("gate", "truck-loading", t("到货", "At the gate"), day.orders.length, "purchasing.order.receive"),
        tile("store", "building-warehouse", t("入库上架", "Put away"), lines(day.gate), "purchasing.receipt.book"),
        tile("picks", "clipboard-list", t("拣料发货", "Pick"), day.work.filter((one) => one.open > 0).length + day.shipments.length, "production.work_order.issue"),
        tile("counts", "clipboard-check", t("盘点", "Count"), day.counts.length, "inventory.count.enter"),
        tile("returns", "transfer-in", t("退料", "Return"), "", "production.work_order.return_material"),
        tile("borrows", "arrows-exchange", t("借料", "Borrow"), "", "handheld.borrow.borrow"),
        tile("move", "package", t("移库", "Move"), "", "inventory.stock_document.transfer"),
        tile("look", "search", t("查库存、标签", "Look up, labels"), "", "inventory.count.enter"),
      ),
    ];
  },
  scan: (desk, hit, text) => {
    const ways: Record<string, string> = { w: "picks", s: "picks", po: "gate", r: "store", b: "counts" };
    const name = hit ? ways[hit.noun] : undefined;
    const isCounted = hit?.noun === "b" && desk.day.counts.some((one) => one.place === hit.code || one.lines.some((line) => line.location === hit.id));
    const isWaiting = hit && ["l", "i"].includes(hit.noun) && desk.day.gate.some((one) => one.lines.some((line) => line.lot === hit.id || line.item === hit.id));
    const target = isWaiting ? "store" : name && (hit?.noun !== "b" || isCounted) ? name : "look";
    desk.go(target);
    void SCREENS[target].scan?.(desk, hit, text);
  },
};

const SCREENS: Record<string, Screen> = {
  home, gate: receiving.gate, arrival: receiving.arrival, arrival_line: receiving.arrivalLine, store: receiving.store, put: receiving.put, move: receiving.move,
  picks: picking.picks, walk: picking.walk, returns: picking.returns, held: picking.holding, return_line: picking.returnLine, other_lot: picking.otherLot,
  borrows: picking.borrows, lenders: picking.lenders, borrow: picking.borrow, counts: counting.counts, count: counting.count, look: counting.look,
};

/** Opens the face for the person who has signed in; what was being done goes on where it was. */
export async function open(host: Host): Promise<Face> {
  const person = host.person()?.id ?? "";
  let kept: Kept | null = (await store.fact<Kept>(`warehouse.${person}`)) ?? null;
  let stack: At[] = (await store.fact<At[]>(`warehouse.at.${person}`)) ?? [{ name: "home" }];
  if (!stack.every((at) => at.name in SCREENS)) stack = [{ name: "home" }];
  let isBusy = false;
  /** How often the day was asked for, and which of these answers stands: they may come in another order. */
  let [asks, answered] = [0, 0];
  let note = "";
  let code = "";

  const keep = () => void store.keep(`warehouse.at.${person}`, stack);
  const set = (next: At[]) => {
    stack = next;
    desk.fault = "";
    keep();
    host.render();
  };
  const desk: Desk = {
    host,
    fault: "",
    get day(): Day {
      return withTold(kept as Kept, host.acts());
    },
    get at(): At {
      return stack[stack.length - 1];
    },
    go: (name, more = {}) => {
      note = "";
      set([...stack, { ...more, name }]);
      scrollTo(0, 0);
    },
    replace: (name, more = {}) => {
      const known = stack.findIndex((one) => one.name === name);
      set(known >= 0 ? stack.slice(0, known + 1) : [...stack.slice(0, -1), { ...more, name }]);
      scrollTo(0, 0);
    },
    hold: (more) => {
      Object.assign(desk.at, more);
      keep();
    },
    change: (more) => set([...stack.slice(0, -1), { ...desk.at, ...more }]),
    back: (more = {}) => {
      const before = stack[stack.length - 2] ?? { name: "home" };
      const merged = Object.fromEntries(Object.entries(more).map(([key, value]) => [key, typeof value === "object" && !Array.isArray(value) ? { ...before[key], ...(value as object) } : value]));
      set([...stack.slice(0, -2), { ...before, ...merged }]);
    },
    home: (text = "", more = {}) => {
      note = text;
      set([{ ...more, name: "home" }]);
      scrollTo(0, 0);
      void face.refresh().catch(() => null);
    },
    may: (right) => kept?.day.may.includes(right) ?? false,
    refresh: () => face.refresh(),
    busy: async (work) => {
      if (isBusy) return;
      isBusy = true;
      desk.fault = "";
      host.render();
      try {
        await work();
      } catch (fault) {
        desk.fault = said(fault);
        if (fault instanceof Refused && fault.code === "inventory.lot_held") alarm.wrong(t("冻结批次！", "Lot on hold!"), desk.fault, "held");
      }
      isBusy = false;
      host.render();
    },
  };

  async function camera(): Promise<void> {
    const { scan } = await import("../scan");
    const text = await scan(t("扫码", "Scan"));
    if (text) face.scanned(text);
  }

  const face: Face = {
    isDeep: () => stack.length > 1,
    back: () => {
      if (stack.length < 2) return false;
      set(stack.slice(0, -1));
      return true;
    },
    scanned: (text) => {
      if (!kept || !text.trim()) return;
      void SCREENS[desk.at.name].scan?.(desk, named(desk.day, text), text.trim());
    },
    refresh: async () => {
      if (host.person()?.id !== person) return;
      const turn = ++asks;
      const found = await fetchDay(kept, host.ticket());
      if (turn < answered) return; // one asked for later has come first
      answered = turn;
      kept = found;
      await store.keep(`warehouse.${person}`, kept);
    },
    draw: () => {
      if (!kept) return [h("main.tasks", {}, empty(t("还没有取到仓库任务，联网后会自动取来。", "Nothing is here yet; it comes as soon as there is a network.")))];
      const screen = SCREENS[desk.at.name];
      const input = h("input.field", { id: "ware-code", value: code, placeholder: t("或输入编号", "Or type a code"), "aria-label": t("编号", "Code"), autocapitalize: "none", autocomplete: "off", enterkeyhint: "go", oninput: (event: Event) => (code = (event.target as HTMLInputElement).value) });
      const typed = (event: Event) => {
        event.preventDefault();
        const input = (event.target as HTMLFormElement).elements[0] as HTMLInputElement;
        const text = input.value;
        input.value = code = "";
        input.blur();
        face.scanned(text);
      };
      return [
        h(`main.ware-${desk.at.name}.ware`, { "data-ware": desk.at.name, "aria-busy": isBusy ? "true" : null },
          note && desk.at.name === "home" ? h("p.note.ware-done", { role: "status" }, icon("check"), note) : null,
          desk.fault ? h("p.fault", { role: "alert", "data-fault": true }, icon("alert-triangle"), desk.fault) : null,
          ...screen.draw(desk),
        ),
        screen.scan
          ? h("footer.foot.ware-foot", {}, h("button.btn.btn-primary", { type: "button", "data-scan": true, onclick: () => void camera() }, icon("scan"), t("扫码", "Scan")), h("form", { onsubmit: typed }, input))
          : h("span"),
      ];
    },
  };

  // A scanner that types like a keyboard: letters close together, ended by Enter, when nothing is being filled in.
  let buffer = "";
  let last = 0;
  addEventListener("keydown", (event) => {
    if (event.target instanceof HTMLInputElement || host.person()?.id !== person || !host.isShown()) return;
    const now = Date.now();
    if (now - last > TYPED_TOGETHER * 5) buffer = "";
    last = now;
    if (event.key === "Enter" && buffer.length > 2) {
      event.preventDefault();
      const text = buffer;
      buffer = "";
      face.scanned(text);
    } else if (event.key.length === 1) {
      // a space within a code would press the button that was tapped last
      if (event.key === " " && buffer) event.preventDefault();
      buffer += event.key;
    }
  });
  return face;
}
