import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";
import { pruned } from "./scripts/prune.ts";

const out = resolve(import.meta.dirname, "../src/banyan/web/static/dist");

/** Lays a .br and a .gz beside each text file, so that the server has nothing to compress. */
function compressed(): Plugin {
  return {
    name: "compressed",
    apply: "build",
    closeBundle() {
      if (!existsSync(out)) return;
      const visit = (folder: string) => {
        for (const name of readdirSync(folder)) {
          const file = join(folder, name);
          if (statSync(file).isDirectory()) visit(file);
          else if (/\.(js|css|svg|json|wasm)$/.test(name)) {
            const content = readFileSync(file);
            writeFileSync(file + ".br", brotliCompressSync(content));
            writeFileSync(file + ".gz", gzipSync(content, { level: 9 }));
          }
        }
      };
      visit(out);
    },
  };
}

/** Gives Tabler without the parts that no page uses. */
function lean(): Plugin {
  return {
    name: "lean-tabler",
    enforce: "pre",
    load(id) {
      const file = id.split("?")[0];
      return file.endsWith("tabler.css") ? pruned(readFileSync(file.replace(/tabler\.css$/, "tabler.min.css"), "utf8")) : null;
    },
  };
}

export default defineConfig({
  base: "/static/dist/",
  plugins: [lean(), compressed()],
  build: {
    outDir: out,
    emptyOutDir: true,
    manifest: "manifest.json",
    target: ["chrome100", "firefox100", "safari15.4"],
    cssMinify: "lightningcss",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    rollupOptions: {
      // htmx can evaluate attributes; its configuration and the page's policy both forbid it
      onLog: (level, log, handle) => (log.code === "EVAL" ? undefined : handle(level, log)),
      input: {
        main: resolve(import.meta.dirname, "src/main.ts"),
        theme: resolve(import.meta.dirname, "src/theme.ts"),
        station: resolve(import.meta.dirname, "src/station/main.ts"),
        station_theme: resolve(import.meta.dirname, "src/station/theme.ts"),
        station_worker: resolve(import.meta.dirname, "src/station/worker.ts"),
      },
    },
  },
});
