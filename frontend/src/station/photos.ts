/** Photos taken at a task: made small, kept by their hash, shown from the device. */
import { t } from "../words";
import { h, icon } from "./dom";
import { render } from "./shell";
import * as store from "./store";

const [SIDE, QUALITY] = [1600, 0.8];
const shown = new Map<string, string>();

/** Asks the device for a picture; gives its hash once it is kept, nothing where none was taken. */
export function take(): Promise<string | null> {
  const input = h("input.hidden", { type: "file", accept: "image/*", capture: "environment", "aria-label": t("照片", "Photo") }) as HTMLInputElement;
  return new Promise((resolve) => {
    const done = (digest: string | null) => {
      input.remove();
      resolve(digest);
    };
    input.addEventListener("cancel", () => done(null));
    input.addEventListener("change", () => {
      const file = input.files?.[0];
      void (file ? keep(file).then(done, () => done(null)) : done(null));
    });
    document.body.append(input);
    input.click();
  });
}

/** Keeps a picture, no larger than needed, and gives its hash. */
async function keep(file: Blob): Promise<string> {
  const blob = await smaller(file);
  const hash = await crypto.subtle.digest("SHA-256", await blob.arrayBuffer());
  const digest = Array.from(new Uint8Array(hash), (one) => one.toString(16).padStart(2, "0")).join("");
  await store.keepPhoto({ digest, blob });
  return digest;
}

async function smaller(file: Blob): Promise<Blob> {
  const picture = await createImageBitmap(file);
  const scale = Math.min(1, SIDE / Math.max(picture.width, picture.height));
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [Math.round(picture.width * scale), Math.round(picture.height * scale)];
  canvas.getContext("2d")?.drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
  return new Promise((resolve, reject) => canvas.toBlob((made) => (made ? resolve(made) : reject(new Error("no picture"))), "image/jpeg", QUALITY));
}

/** Gives a small picture of what was taken, with a way to take it away. */
export function preview(digest: string, remove: () => void): HTMLElement {
  const known = shown.get(digest);
  if (!known) {
    void store.photo(digest).then((one) => {
      if (!one) return;
      shown.set(digest, URL.createObjectURL(one.blob));
      render();
    });
  }
  return h("span.shot", { "data-photo": digest }, known ? h("img", { src: known, alt: t("照片", "Photo") }) : icon("photo"),
    h("button.plain", { type: "button", "aria-label": t("去掉照片", "Remove the photo"), onclick: () => { void store.dropPhoto(digest); remove(); } }, icon("x")));
}

/** Says whether photos can be kept here: hashing needs a secure address. */
export const isPossible = () => Boolean(crypto.subtle);
