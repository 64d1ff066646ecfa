/** Big dialogs: numbers by plus and minus, and on a touch screen by a pad whose keys fit a glove. */
import { stepped, typed } from "./digits";
import { all, each, on, one } from "./page";

let field: HTMLInputElement | null = null;
let isPressed = false;

const isTouch = () => matchMedia("(pointer: coarse)").matches;

function set(input: HTMLInputElement, value: string): void {
  input.value = value;
  input.dispatchEvent(new Event("input", { bubbles: true }));
}

/** A pad that nobody types on goes when the press that left it is over: nothing moves under a finger before its click. */
function putAway(): void {
  if (!field && !isPressed) all("[data-pad]").forEach((pad) => (pad.hidden = true));
}

document.addEventListener("mousedown", () => (isPressed = true), true);
document.addEventListener(
  "mouseup",
  () => {
    isPressed = false;
    setTimeout(putAway);
  },
  true,
);
on("focusin", ".box-form-big [data-number]", (element) => {
  field = element as HTMLInputElement;
  field.dataset.fresh = "";
  field.select();
  const pad = one("[data-pad]", field.closest("form") as HTMLElement);
  if (!pad || !isTouch()) return;
  field.inputMode = "none";
  pad.hidden = false;
  requestAnimationFrame(() => element.scrollIntoView({ block: "nearest" }));
});
on("focusin", ".box-form-big input:not([data-number]), .box-form-big select, .box-form-big textarea", (element) => {
  if ((element as HTMLInputElement).type === "radio") return;
  field = null;
  putAway();
});
on("pointerdown", "[data-key]", (_, event) => event.preventDefault());
on("click", "[data-key]", (key) => {
  if (!field?.isConnected) return;
  set(field, typed(field.value, key.dataset.key ?? "", "fresh" in field.dataset));
  delete field.dataset.fresh;
});
on("click", "[data-less], [data-more]", (button) => {
  const input = one<HTMLInputElement>("[data-number]", button.parentElement as HTMLElement);
  if (input) set(input, stepped(input.value, "more" in button.dataset ? 1 : -1));
});
/** A field that belongs to another is shown only while that one has something in it. */
function showNeeded(form: HTMLElement): void {
  for (const part of all("[data-when]", form)) {
    const owner = one<HTMLInputElement>(`[name="${CSS.escape(part.dataset.when ?? "")}"]`, form);
    part.hidden = !owner || !owner.value.trim() || Number(owner.value) === 0;
  }
}

each(".box-form", showNeeded);
on("input", ".box-form", showNeeded);

/** A text that is usual is put into its field; what is typed instead stays typed. */
on("click", "[data-usual]", (button) => {
  const input = one<HTMLInputElement>(".form-control", button.closest("[data-path]") as HTMLElement);
  if (input) set(input, button.dataset.usual ?? "");
});
on("click", "[data-fill]", (button) => {
  const input = one<HTMLInputElement>("[data-number]", button.closest("[data-path]") as HTMLElement);
  if (input) set(input, button.dataset.fill ?? "");
});
