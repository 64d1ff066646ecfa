/** Reading what a spreadsheet puts on the clipboard. */

/** Gives the cells of a pasted block; quoted cells may hold tabs, line breaks and doubled quotes. */
export function readBlock(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = "";
  let quoted = false;
  const source = text.replace(/\r\n?/g, "\n").replace(/\n$/, "");
  for (let at = 0; at < source.length; at++) {
    const sign = source[at];
    if (quoted) {
      if (sign === '"' && source[at + 1] === '"') {
        cell += '"';
        at++;
      } else if (sign === '"') quoted = false;
      else cell += sign;
    } else if (sign === '"' && cell === "") quoted = true;
    else if (sign === "\t") {
      row.push(cell);
      cell = "";
    } else if (sign === "\n") {
      row.push(cell);
      rows.push(row);
      row = [];
      cell = "";
    } else cell += sign;
  }
  row.push(cell);
  rows.push(row);
  return rows;
}

/** Gives a number as a form takes it: without grouping, currency signs and spaces. */
export function asNumber(text: string): string {
  return text.replace(/[\s,，¥￥$€%]/g, "");
}

/** Gives a day as YYYY-MM-DD, from 2026/3/2, 2026.3.2 or 2026年3月2日; anything else is given back. */
export function asDay(text: string): string {
  const match = /^\s*(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?\s*$/.exec(text);
  return match ? `${match[1]}-${match[2].padStart(2, "0")}-${match[3].padStart(2, "0")}` : text.trim();
}

const YES = new Set(["是", "yes", "y", "true", "1", "√", "对", "有", "x"]);

export function asTruth(text: string): boolean {
  return YES.has(text.trim().toLowerCase());
}

/** Says which column each pasted one goes to when the first row names columns, null when it does not. */
export function readHeads(first: string[], labels: string[]): (number | null)[] | null {
  const bare = (text: string) => text.replace(/[\s*:：]/g, "").toLowerCase();
  const wanted = labels.map(bare);
  const found = first.map((text) => {
    const place = wanted.indexOf(bare(text));
    return place < 0 ? null : place;
  });
  const hits = found.filter((place) => place !== null).length;
  return hits >= Math.max(1, Math.ceil(first.filter((c) => c.trim()).length / 2)) ? found : null;
}
