/** Forms: faults shown at their fields, consent asked once, nothing lost by leaving. */
import htmx from "htmx.org";
import { note } from "./notes";
import { all, on, one, reload, token } from "./page";
import { t } from "./words";

type Asked = { verb: string; path: string; parameters: Record<string, unknown>; elt: HTMLElement };
let refused: Asked | null = null;

document.addEventListener("htmx:responseError", (event) => {
  const { xhr, requestConfig, elt } = (event as CustomEvent).detail;
  if (xhr.status === 401) return;
  const parsed = new DOMParser().parseFromString(xhr.responseText, "text/html");
  const refusal = one(".refusal", parsed);
  refused = { verb: requestConfig.verb, path: requestConfig.path, parameters: { ...requestConfig.parameters }, elt };
  const form = (elt as HTMLElement).closest<HTMLFormElement>("form[data-form]");
  if (!refusal) return note(t("服务器没有应答（{status}），请再试一次", "The server did not answer ({status}); try again", { status: xhr.status }), "red");
  const adopted = document.adoptNode(refusal);
  if (form && one("[data-refusal]", form)) return showAtForm(form, adopted);
  if (adopted.dataset.consent) return askConsent(adopted);
  note("", "red", adopted);
});
document.addEventListener("htmx:sendError", () =>
  note(t("没有网络，什么都没有发送；恢复后再试", "Offline: nothing was sent; try again when the network is back"), "red"),
);
document.addEventListener("htmx:timeout", () =>
  note(t("等待太久，没有收到应答；请刷新看看是否已完成", "No answer in time; reload to see whether it was done"), "orange"),
);

function showAtForm(form: HTMLFormElement, refusal: HTMLElement): void {
  clearFaults(form);
  const faults: Record<string, string[]> = JSON.parse(refusal.dataset.faults || "{}");
  let first: HTMLElement | null = null;
  for (const [path, texts] of Object.entries(faults)) {
    const place = placeOf(form, path.replace(/^records\.\d+\./, ""));
    if (!place) continue;
    mark(place, texts.join(" "));
    first ??= place;
    one(`[data-path="${CSS.escape(path)}"]`, refusal)?.remove();
  }
  const list = one(".refusal-fields", refusal);
  if (list && !list.children.length) list.remove();
  one("[data-refusal]", form)?.replaceChildren(refusal);
  for (let folded = first?.closest("details"); folded; folded = folded.parentElement?.closest("details")) folded.open = true;
  const input = first && one<HTMLElement>("input:not([type=hidden]), select, textarea", first);
  (input ?? refusal).scrollIntoView({ block: "center" });
  input?.focus();
}

/** Gives the part of the form that a fault's path names; a path inside a field belongs to the field. */
function placeOf(form: HTMLElement, path: string): HTMLElement | null {
  for (let rest = path; rest; rest = rest.includes(".") ? rest.slice(0, rest.lastIndexOf(".")) : "") {
    const found = one(`[data-path="${CSS.escape(rest)}"]`, form);
    if (found) return found;
  }
  return null;
}

export function mark(place: HTMLElement, text: string): void {
  place.classList.add("is-faulty");
  let words = one("[data-fault]", place);
  if (!words || words.closest("[data-path]") !== place) {
    words = document.createElement("div");
    words.className = "cell-fault";
    words.dataset.fault = "";
    words.dataset.made = "";
    place.append(words);
  }
  words.textContent = text;
  one("input, select, textarea", place)?.setAttribute("aria-invalid", "true");
}

export function unmark(place: HTMLElement): void {
  place.classList.remove("is-faulty");
  for (const words of all("[data-fault]", place)) "made" in words.dataset ? words.remove() : (words.textContent = "");
  all("[aria-invalid]", place).forEach((e) => e.removeAttribute("aria-invalid"));
}

function clearFaults(form: HTMLElement): void {
  all(".is-faulty", form).forEach(unmark);
  one("[data-refusal]", form)?.replaceChildren();
}

on("input", "[data-path].is-faulty", (place) => unmark(place));
on("change", "[data-path].is-faulty", (place) => unmark(place));
/** Gives the form that a request sends; what is only tried out sends none, and takes no words away. */
function sentForm(event: Event): HTMLFormElement | null {
  const elt = (event as CustomEvent).detail.elt as HTMLElement;
  return elt.matches("[data-rehearsal]") ? null : elt.closest<HTMLFormElement>("form[data-form]");
}
document.addEventListener("htmx:beforeRequest", (event) => {
  const form = sentForm(event);
  if (form) {
    clearFaults(form);
    all<HTMLButtonElement>("button:not([type=button])", form).forEach((b) => (b.disabled = true));
  }
});
document.addEventListener("htmx:afterRequest", (event) => {
  const form = sentForm(event);
  if (form) all<HTMLButtonElement>("button:not([type=button])", form).forEach((b) => (b.disabled = false));
});

// --- consent ------------------------------------------------------------------------------------------------

function askConsent(refusal: HTMLElement): void {
  const body = one("#dialog-body");
  const dialog = one<HTMLDialogElement>("#dialog");
  if (!body || !dialog) return;
  body.replaceChildren(refusal);
  if (!dialog.open) dialog.showModal();
}

on("click", "[data-consent-yes]", (button) => {
  const code = button.closest<HTMLElement>("[data-consent]")?.dataset.consent ?? "";
  const form = button.closest<HTMLFormElement>("form[data-form]");
  if (form) {
    const consent = document.createElement("input");
    consent.type = "hidden";
    consent.name = "_consent";
    consent.value = code;
    form.append(consent);
    form.requestSubmit();
  } else if (refused) {
    htmx.ajax(refused.verb as "post", refused.path, {
      source: refused.elt, values: { ...refused.parameters, _consent: code }, target: "#dialog-body", swap: "none",
    });
  }
});
on("click", "[data-reload]", () => reload());

// --- leaving with unsaved changes ---------------------------------------------------------------------------

on("input", "form[data-guard]", (form) => (form.dataset.dirty = "1"));
on("change", "form[data-guard]", (form) => (form.dataset.dirty = "1"));
const dirtyForm = () => one("form[data-guard][data-dirty]");
const leaving = () => t("修改还没有保存，确定离开？", "Your changes are not saved. Leave anyway?");

window.addEventListener("beforeunload", (event) => {
  if (dirtyForm()) event.preventDefault();
});
document.addEventListener("htmx:confirm", (e) => {
  const event = e as CustomEvent;
  const { target, verb, elt } = event.detail;
  const form = dirtyForm();
  if (!form || (target as HTMLElement | null)?.id !== "main" || verb !== "get" || elt === form) return;
  event.preventDefault();
  if (window.confirm(leaving())) {
    delete form.dataset.dirty;
    event.detail.issueRequest(true);
  }
});
/** What was sent and taken is no longer unsaved; this runs before the answer leads anywhere. */
document.addEventListener("htmx:beforeOnLoad", (event) => {
  const { elt, xhr } = (event as CustomEvent).detail;
  const form = (elt as HTMLElement).closest<HTMLElement>("form[data-guard]");
  if (form && xhr.status < 300 && !(elt as HTMLElement).matches("[data-rehearsal]")) delete form.dataset.dirty;
});

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s") {
    const form = one<HTMLFormElement>("dialog[open] form[data-form]") ?? one<HTMLFormElement>("form[data-guard]");
    if (!form) return;
    event.preventDefault();
    form.requestSubmit();
  }
});
/** Enter in a single-line field of a long form does not send it half filled. */
on("keydown", "form[data-guard] input:not([type=hidden])", (input, e) => {
  const event = e as KeyboardEvent;
  if (event.key === "Enter" && !event.ctrlKey && !event.defaultPrevented && !input.closest("[data-grid]")) event.preventDefault();
});

// --- lists' question forms send only what is filled in ------------------------------------------------------

/** What a page asks by the clock is marked: the server does not count it as somebody's using it. */
document.addEventListener("htmx:configRequest", (e) => {
  const { headers, triggeringEvent } = (e as CustomEvent).detail;
  if (!triggeringEvent) headers["Banyan-Unasked"] = "1";
});
document.addEventListener("htmx:configRequest", (e) => {
  const { elt, parameters, formData } = (e as CustomEvent).detail;
  if (!(elt as HTMLElement).closest?.("[data-blank-free]")) return;
  const data: FormData = formData ?? parameters;
  const kept = [...data.entries()].filter(([, value]) => value !== "");
  const onlyAll = kept.length > 1 ? kept.filter(([name]) => name !== "all") : kept;
  for (const name of new Set([...data.keys()])) data.delete(name);
  for (const [name, value] of onlyAll) data.append(name, value);
});

// --- files --------------------------------------------------------------------------------------------------

on("dragover", ".drop", (drop, event) => {
  event.preventDefault();
  drop.classList.add("is-over");
});
on("dragleave", ".drop", (drop) => drop.classList.remove("is-over"));
on("drop", ".drop", (drop, e) => {
  const event = e as DragEvent;
  const input = one<HTMLInputElement>("input[type=file]", drop);
  drop.classList.remove("is-over");
  if (!input || !event.dataTransfer?.files.length) return;
  event.preventDefault();
  input.files = event.dataTransfer.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
});
on("change", "form[data-submit-on-file] input[type=file]", (input) => {
  if ((input as HTMLInputElement).files?.length) input.closest("form")?.requestSubmit();
});
/** A file of a field is kept at once; the form carries only its digest. */
on("change", "[data-file-input] input[type=file]", (input) => {
  const file = (input as HTMLInputElement).files?.[0];
  const field = input.closest<HTMLElement>("[data-file-input]");
  if (!file || !field) return;
  const body = new FormData();
  body.append("file", file);
  void fetch("/files", { method: "POST", body, headers: { "X-CSRFToken": token(), "HX-Request": "true" } }).then(async (answer) => {
    if (!answer.ok) {
      const refusal = one(".refusal", new DOMParser().parseFromString(await answer.text(), "text/html"));
      return note(t("文件没有收下", "The file was not taken"), "red", refusal ? document.adoptNode(refusal) : undefined);
    }
    const kept = await answer.json();
    (one("input[type=hidden]", field) as HTMLInputElement).value = kept.digest;
    (one("[data-file-name]", field) as HTMLElement).textContent = kept.name;
  });
});
on("click", "[data-copy]", (button) => {
  const text = one(button.dataset.copy ?? "")?.textContent ?? "";
  navigator.clipboard.writeText(text).then(() => note(t("已复制", "Copied")));
});
