/** Labels: the size this device prints them in, and their pages. */
import { t } from "../words";
import { h } from "./dom";
import { ask, Refused } from "./link";

interface Size {
  key: string;
  zh: string;
  en: string;
}

const KEPT = "station.label_size";
const sizes = (): Size[] => JSON.parse(document.getElementById("label-sizes")?.textContent ?? "[]");

/** Gives the size this device was told to print in; nothing where each label has its own, or there is none such any more. */
export const size = (): string => sizes().find((one) => one.key === localStorage.getItem(KEPT))?.key ?? "";

/** Lets somebody choose on what this device prints labels; it is remembered. */
export const sizeChooser = (): HTMLElement =>
  h("select.field.label-size", { "data-label-size": true, "aria-label": t("标签纸", "Label paper"), onchange: (event: Event) => localStorage.setItem(KEPT, (event.target as HTMLSelectElement).value) },
    sizes().map((one) => h("option", { value: one.key, selected: one.key === size() }, t(one.zh, one.en))));

/** Opens labels as pages that the device prints. Raises: Refused, also where there is no network */
export async function openLabels(path: string, ticket: string, body?: unknown): Promise<void> {
  const page = window.open("", "_blank");
  try {
    const answer = await ask(path, body, { Authorization: `Station ${ticket}` });
    const address = URL.createObjectURL(await answer.blob());
    if (page) page.location.href = address;
    else location.href = address;
  } catch (fault) {
    page?.close();
    throw fault instanceof Refused ? fault : new Refused(503, "offline", t("没有网络，稍后再打印", "No network; print it later"));
  }
}
