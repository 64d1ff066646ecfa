/** Leaves out the parts of Tabler that no page of ours uses: its site bars, carousels, brand colours, vendors' skins. */
const UNUSED =
  /\.(navbar|offcanvas|carousel|ribbon|switch-icon|legend|accordion|markdown|otp|signal|sparkline|flag|payment|hugerte|tox|plyr|jvm|jvectormap|litepicker|fc|ts|apexcharts|dropzone|dz|fslightbox|noUi|coloris|clr|turbo|star-rating|gl-star-rating|tag|chip|countup|chat|kanban|calendar|theme|tracking|form-imagecheck|form-colorinput|form-colorcheck|popover|tooltip|bs-tooltip|bs-popover|spinner-grow|placeholder-wave|table-transparent|col-xxl|offset|g-xxl|gx-xxl|gy-xxl|sticky-xxl)(?![a-zA-Z0-9])/;
const BRANDS =
  /\.[a-z-]*(facebook|twitter|linkedin|google|youtube|vimeo|dribbble|github|instagram|pinterest|rss|flickr|bitbucket|pink|teal|cyan|indigo|lime)(?![a-z])/;

/** Gives a minified style sheet without the rules whose every selector is unused. */
export function pruned(css: string): string {
  let out = "";
  let at = 0;
  while (at < css.length) {
    const open = css.indexOf("{", at);
    if (open < 0) return out + css.slice(at);
    const head = css.slice(at, open);
    const statement = head.lastIndexOf(";");
    const prelude = head.slice(statement + 1);
    const end = closing(css, open);
    out += head.slice(0, statement + 1);
    const body = css.slice(open + 1, end);
    if (/^\s*@(media|supports|layer|container)/.test(prelude)) {
      const inner = pruned(body);
      if (inner.trim()) out += `${prelude}{${inner}}`;
    } else if (prelude.includes("@")) {
      out += `${prelude}{${body}}`;
    } else {
      const kept = selectors(prelude).filter((one) => !UNUSED.test(one) && !BRANDS.test(one));
      if (kept.length) out += `${kept.join(",")}{${body}}`;
    }
    at = end + 1;
  }
  return out;
}

function closing(css: string, open: number): number {
  let depth = 0;
  for (let at = open; at < css.length; at++) {
    const sign = css[at];
    if (sign === '"' || sign === "'") at = css.indexOf(sign, at + 1);
    else if (sign === "{") depth++;
    else if (sign === "}" && --depth === 0) return at;
  }
  throw new Error("a brace is not closed");
}

function selectors(prelude: string): string[] {
  const found: string[] = [];
  let depth = 0;
  let begin = 0;
  for (let at = 0; at < prelude.length; at++) {
    if (prelude[at] === "(" || prelude[at] === "[") depth++;
    else if (prelude[at] === ")" || prelude[at] === "]") depth--;
    else if (prelude[at] === "," && depth === 0) {
      found.push(prelude.slice(begin, at));
      begin = at + 1;
    }
  }
  return [...found, prelude.slice(begin)];
}
