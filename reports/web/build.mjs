// Makes the page of one file: node build.mjs NODE_MODULES OUTPUT. Scripts, styles and the licences of what is in it are in the page; nothing is
// loaded from anywhere.
import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const [modules, output] = process.argv.slice(2);
const here = dirname(fileURLToPath(import.meta.url));
const require = createRequire(pathToFileURL(join(modules, "package.json")));
const esbuild = require("esbuild");

async function bundled(entry) {
  const built = await esbuild.build({
    entryPoints: [join(here, entry)],
    bundle: true,
    minify: true,
    write: false,
    format: "iife",
    target: ["es2020"],
    charset: "ascii",
    legalComments: "none",
    nodePaths: [modules],
    logLevel: "warning",
  });
  return built.outputFiles[0].text.trimEnd();
}

const fill = (page, name, text) => page.replace(`/*${name}*/`, () => text);
const uplot = join(modules, "uplot");
const version = JSON.parse(await readFile(join(uplot, "package.json"), "utf8")).version;
const licence = await readFile(join(uplot, "LICENSE"), "utf8");

let page = await readFile(join(here, "page.html"), "utf8");
page = fill(page, "STYLE", await bundled("src/style.css"));
page = fill(page, "SCRIPT", await bundled("src/main.ts"));
page = fill(page, "LICENCES", `uPlot ${version}, https://github.com/leeoniya/uPlot\n\n${licence.trim().replaceAll("<", "&lt;")}`);
await writeFile(output, page);
