/** Asking for one thing over the whole screen: a number by the large keys, or one of several. */
import { typed } from "../digits";
import { t } from "../words";
import { h, icon } from "./dom";
import { pad } from "./shell";
import { number } from "./state";

interface Question {
  title: string;
  text: string[];
  /** What the number is of. */
  label: string;
  places: number;
  /** What the button says that takes it, and the one that leaves it. */
  take: string;
  leave: string;
  /** What the parts are called for whoever looks for them. */
  word: string;
}

/** Shows a question over the page; gives what it was ended with. */
function asked<T>(title: string, parts: (end: (answer: T | null) => void) => (HTMLElement | null)[]): Promise<T | null> {
  return new Promise((done) => {
    const end = (answer: T | null) => {
      sheet.remove();
      done(answer);
    };
    const sheet = h("div.ask", { role: "dialog", "aria-modal": "true", "aria-label": title }, h("div.narrow", {}, h("h1", {}, title), parts(end)));
    document.body.append(sheet);
  });
}

/** Asks for a number above zero; nothing where it was left. */
export function askNumber(one: Question): Promise<string | null> {
  return asked<string>(one.title, (end) => {
    let value = "";
    const shown = h("b", { [`data-${one.word}-shown`]: true }, "0");
    const take = h("button.btn.btn-huge.btn-primary", { type: "button", [`data-${one.word}`]: true, disabled: true, onclick: () => end(String(number(value))) }, icon("check"), one.take) as HTMLButtonElement;
    const press = (key: string) => {
      value = typed(value, key, false).slice(0, 12);
      shown.textContent = value || "0";
      take.disabled = number(value) <= 0;
    };
    return [
      ...one.text.map((text) => h("p", {}, text)),
      h("div.entry.is-on", {}, h("small", {}, one.label), shown),
      pad(press, one.places > 0), take,
      h("button.btn.btn-tall", { type: "button", onclick: () => end(null) }, one.leave),
    ];
  });
}

/** Asks for one of several; gives its place, or nothing where it was left. */
export function askOne(title: string, text: string, words: string[], word: string): Promise<number | null> {
  return asked<number>(title, (end) => [
    h("p", {}, text),
    ...words.map((one, place) => h("button.btn.btn-huge", { type: "button", [`data-${word}`]: one, onclick: () => end(place) }, one)),
    h("button.btn.btn-tall", { type: "button", onclick: () => end(null) }, t("返回", "Back")),
  ]);
}
