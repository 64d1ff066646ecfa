/** The picture of a trace: lines from each box to the ones it leads to, and the whole way lit up under the pointer. */
import { all, each } from "./page";

const SVG = "http://www.w3.org/2000/svg";

each("[data-trace]", (lanes) => {
  const picture = document.createElementNS(SVG, "svg");
  picture.classList.add("trace-lines");
  picture.setAttribute("aria-hidden", "true");
  lanes.prepend(picture);
  const boxes = new Map(all("[data-box]", lanes).flatMap((box) => words(box.dataset.box).map((key) => [key, box] as const)));
  const draw = () => {
    const frame = lanes.getBoundingClientRect();
    picture.setAttribute("width", String(lanes.scrollWidth));
    picture.setAttribute("height", String(lanes.scrollHeight));
    picture.replaceChildren();
    for (const box of new Set(boxes.values())) {
      for (const target of new Set(words(box.dataset.to).map((key) => boxes.get(key)))) {
        if (target) picture.append(line(box.getBoundingClientRect(), target.getBoundingClientRect(), frame, lanes, box, target));
      }
    }
  };
  draw();
  new ResizeObserver(draw).observe(lanes);
  for (const box of new Set(boxes.values())) {
    box.addEventListener("pointerenter", () => light(box, boxes, picture));
    box.addEventListener("pointerleave", () => dim(lanes));
  }
  lanes.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
});

function words(text: string | undefined): string[] {
  return (text ?? "").split(" ").filter(Boolean);
}

/** Gives the curve between the facing sides of two boxes. */
function line(from: DOMRect, to: DOMRect, frame: DOMRect, lanes: HTMLElement, box: HTMLElement, target: HTMLElement): SVGPathElement {
  const isLeft = from.left < to.left;
  const [x1, x2] = (isLeft ? [from.right, to.left] : [from.left, to.right]).map((x) => x - frame.left + lanes.scrollLeft);
  const [y1, y2] = [from, to].map((one) => one.top + one.height / 2 - frame.top + lanes.scrollTop);
  const middle = (x1 + x2) / 2;
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", `M${x1} ${y1} C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`);
  path.dataset.from = box.dataset.box;
  path.dataset.into = target.dataset.box;
  return path;
}

/** Lights up a box with all between it and the middle. */
function light(box: HTMLElement, boxes: Map<string, HTMLElement>, picture: SVGSVGElement): void {
  const left = [box];
  const seen = new Set<HTMLElement>();
  for (let one = left.pop(); one; one = left.pop()) {
    if (seen.has(one)) continue;
    seen.add(one);
    one.classList.add("is-lit");
    for (const target of new Set(words(one.dataset.to).map((key) => boxes.get(key)))) {
      if (!target) continue;
      for (const path of picture.querySelectorAll<SVGPathElement>("path")) {
        if (path.dataset.from === one.dataset.box && path.dataset.into === target.dataset.box) path.classList.add("is-lit");
      }
      left.push(target);
    }
  }
}

function dim(lanes: HTMLElement): void {
  for (const one of lanes.querySelectorAll(".is-lit")) one.classList.remove("is-lit");
}
