/** Right or wrong, so that nobody needs to read it: the whole screen's colour, a sound, and the hand that shakes. */
import { h, icon } from "../dom";
import { t } from "../../words";

let sound: AudioContext | null = null;

function beep(tones: [number, number][]): void {
  try {
    sound ??= new AudioContext();
    let at = sound.currentTime;
    for (const [pitch, seconds] of tones) {
      const tone = sound.createOscillator();
      const loud = sound.createGain();
      tone.type = "square";
      tone.frequency.value = pitch;
      loud.gain.value = 0.15;
      tone.connect(loud).connect(sound.destination);
      tone.start(at);
      tone.stop(at + seconds);
      at += seconds + 0.04;
    }
  } catch {
    sound = null;
  }
}

/** Says that the scan was right; nothing is to be pressed. */
export function right(): void {
  beep([[1320, 0.09]]);
  navigator.vibrate?.(25);
  const flash = h("div.flash", { "aria-hidden": "true" });
  document.body.append(flash);
  setTimeout(() => flash.remove(), 260);
}

/** Says that the scan was wrong, over everything, until somebody has seen it; `way` is how to go on all the same. */
export function wrong(title: string, text: string, kind: "wrong" | "held" = "wrong", way?: { text: string; onclick: () => void }): void {
  beep([[220, 0.22], [180, 0.22], [220, 0.3]]);
  navigator.vibrate?.([200, 80, 200, 80, 300]);
  document.querySelector(".alarm")?.remove();
  const close = h("button.btn.btn-huge", { type: "button", "data-seen": true, onclick: () => sheet.remove() }, t("知道了", "I see"));
  const sheet = h(`div.alarm.alarm-${kind}`, { role: "alertdialog", "aria-modal": "true", "aria-label": title, "data-alarm": kind },
    icon(kind === "held" ? "lock" : "alert-triangle"), h("h1", {}, title), h("p", {}, text), close,
    way ? h("button.btn.btn-huge.btn-way", { type: "button", "data-way": true, onclick: () => { sheet.remove(); way.onclick(); } }, way.text) : null);
  document.body.append(sheet);
  close.focus();
}
