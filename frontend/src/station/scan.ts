/** Reads a QR or bar code by the camera; the decoder is fetched only where the browser has none of its own. */
import { h, icon } from "./dom";
import { t } from "../words";

interface Detector {
  detect(source: HTMLVideoElement): Promise<{ rawValue: string }[]>;
}

const FORMATS = ["qr_code", "code_128", "data_matrix", "ean_13"];
const EVERY = 120;

async function detector(): Promise<Detector> {
  const own = (window as unknown as { BarcodeDetector?: { new (o: object): Detector; getSupportedFormats(): Promise<string[]> } })
    .BarcodeDetector;
  if (own && (await own.getSupportedFormats()).includes("qr_code")) return new own({ formats: FORMATS });
  const { decoder } = await import("./decoder");
  return decoder(FORMATS);
}

/** Shows the camera over the page until a code is read or somebody closes it; gives the text, or nothing. */
export async function scan(title: string): Promise<string | null> {
  const video = h("video.scan-video", { playsinline: true, muted: true, autoplay: true }) as HTMLVideoElement;
  const note = h("p.scan-note", { role: "status" }, t("对准二维码", "Point at the code"));
  const input = h("input.field", { placeholder: t("或输入编号", "Or type the number"), "aria-label": t("编号", "Number"), autocapitalize: "none", autocomplete: "off" }) as HTMLInputElement;
  return new Promise((resolve) => {
    let stream: MediaStream | null = null;
    let isOpen = true;
    const close = (text: string | null) => {
      if (!isOpen) return;
      isOpen = false;
      stream?.getTracks().forEach((track) => track.stop());
      sheet.remove();
      resolve(text);
    };
    const typed = (event: Event) => {
      event.preventDefault();
      if (input.value.trim()) close(input.value.trim());
    };
    const sheet = h(
      "div.scan",
      { role: "dialog", "aria-modal": "true", "aria-label": title },
      h("div.scan-head", {}, h("strong", {}, title), h("button.plain", { type: "button", onclick: () => close(null), "aria-label": t("关闭", "Close") }, icon("x"))),
      h("div.scan-view", {}, video, h("div.scan-frame")),
      note,
      h("form.scan-type", { onsubmit: typed }, input, h("button.btn", {}, t("确定", "OK"))),
    );
    document.body.append(sheet);
    const watch = async () => {
      try {
        stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1280 } } });
        if (!isOpen) return stream.getTracks().forEach((track) => track.stop());
        video.srcObject = stream;
        await video.play();
        const eye = await detector();
        while (isOpen) {
          const found = video.readyState >= 2 ? await eye.detect(video).catch(() => []) : [];
          if (found.length) return close(found[0].rawValue);
          await new Promise((next) => setTimeout(next, EVERY));
        }
      } catch {
        note.textContent = t("没有相机可用，请输入编号", "No camera: type the number");
        input.focus();
      }
    };
    void watch();
  });
}
