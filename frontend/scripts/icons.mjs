// Makes src/icons.svg from icons.txt and the folder of @tabler/icons: `node scripts/icons.mjs FOLDER`.
// The package is 51 MB, so it is fetched only by whoever adds an icon; the sprite is kept in the repository.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const folder = process.argv[2];
const names = [...new Set(readFileSync("icons.txt", "utf8").split(/\s+/).filter(Boolean))].sort();
const missing = [];
const symbols = names.flatMap((name) => {
  let text;
  try {
    text = readFileSync(join(folder, "icons/outline", `${name}.svg`), "utf8");
  } catch {
    missing.push(name);
    return [];
  }
  const shapes = text
    .replace(/<svg[^>]*>|<\/svg>|<!--[\s\S]*?-->/g, "")
    .replace(/<path stroke="none" d="M0 0h24v24H0z" fill="none" \/>/, "")
    .replace(/\s*\n\s*/g, "")
    .replace(/ \/>/g, "/>");
  return [`<symbol id="${name}" viewBox="0 0 24 24">${shapes}</symbol>`];
});
const licence = readFileSync(join(folder, "LICENSE"), "utf8").match(/Copyright.*/)[0];
writeFileSync(
  "src/icons.svg",
  `<svg xmlns="http://www.w3.org/2000/svg"><!-- Tabler Icons, MIT. ${licence} -->\n${symbols.join("\n")}\n</svg>\n`,
);
if (missing.length) {
  const kept = new Set(missing);
  console.error(`Tabler has no icon: ${[...kept].join(" ")}`);
  process.exitCode = 1;
}
