/** Reads a QR or bar code by the camera; whatever hinders that is said, and the number can be typed all the same. */
import { detector, NoDecoder } from "./decoding";
import { h, icon } from "./dom";
import { t } from "../words";

const EVERY = 120;
/** After so many looks in a row that failed it is said that nothing can be read. */
const MOST_FAILED = 25;
/** After so long it is said that the decoder is still on its way. */
const SOON = 700;

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
    const view = h("div.scan-view", {}, video, h("div.scan-frame"));
    const sheet = h(
      "div.scan",
      { role: "dialog", "aria-modal": "true", "aria-label": title },
      h("div.scan-head", {}, h("strong", {}, title), h("button.plain", { type: "button", onclick: () => close(null), "aria-label": t("关闭", "Close") }, icon("x"))),
      view,
      note,
      h("form.scan-type", { onsubmit: typed }, input, h("button.btn", {}, t("确定", "OK"))),
    );
    document.body.append(sheet);
    const unreadable = () => t("这台设备读不出码，请输入编号，或从列表里选", "This device cannot read codes: type the number, or pick from the list");
    const typeIt = (why: string) => {
      if (!isOpen) return;
      stream?.getTracks().forEach((track) => track.stop());
      view.replaceChildren();
      note.textContent = why;
      input.focus();
    };
    const watch = async () => {
      const eye = detector().catch((fault: unknown) => fault as Error);
      try {
        stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1280 } } });
        if (!isOpen) return stream.getTracks().forEach((track) => track.stop());
        video.srcObject = stream;
        await video.play();
      } catch {
        return typeIt(t("没有相机可用，请输入编号", "No camera: type the number"));
      }
      const coming = setTimeout(() => (note.textContent = t("正在取扫码组件…也可以输入编号", "Fetching the scanner… or type the number")), SOON);
      const sees = await eye;
      clearTimeout(coming);
      if (sees instanceof NoDecoder) return typeIt(t("扫码组件尚未下载，要联网一次才能扫码；请输入编号，或从列表里选", "The scanner is not on this device yet: scanning needs the network once. Type the number, or pick from the list"));
      if (sees instanceof Error) return typeIt(unreadable());
      note.textContent = t("对准二维码", "Point at the code");
      for (let failed = 0; isOpen && failed < MOST_FAILED; await new Promise((next) => setTimeout(next, EVERY))) {
        if (video.readyState < 2) continue;
        const found = await sees.detect(video).catch(() => null);
        if (found?.length) return close(found[0].rawValue);
        failed = found ? 0 : failed + 1;
      }
      typeIt(unreadable());
    };
    void watch();
  });
}
