/** Build each page as for production; print what a browser loads of it before it can show a price. */

import { gzipSync } from "node:zlib";

import { build } from "../../clients/browser/node_modules/vite/dist/node/index.js";

const weights = {};
for (const name of ["ours", "sdk", "amplify"]) {
  const { output } = await build({
    configFile: false,
    root: import.meta.dirname,
    logLevel: "error",
    build: { target: "es2022", write: false, modulePreload: false, rolldownOptions: { input: `${name}.js` } },
  });
  const scripts = output.filter(({ type }) => type === "chunk");
  weights[name] = scripts.reduce((sum, { code }) => sum + gzipSync(code, { level: 9 }).length, 0);
}
console.log(JSON.stringify(weights));
