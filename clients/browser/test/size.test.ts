/** What the library weighs, so that it stays light: a budget, not a measurement of the day. */

import { gzipSync } from "node:zlib";

import { build, type Rolldown } from "vite";
import { expect, test } from "vitest";

async function gzipped(external: (string | RegExp)[]): Promise<number> {
  const built = (await build({
    configFile: "vite.library.ts",
    logLevel: "silent",
    build: { write: false, rolldownOptions: { external, output: { minify: true } } },
  })) as Rolldown.RolldownOutput[];
  const [{ code }] = built[0]!.output;
  return gzipSync(code, { level: 9 }).length;
}

test("the library without its MQTT client is at most 12 KB, and 18 KB with it", async () => {
  const [own, whole] = [await gzipped([/^u8-mqtt/]), await gzipped([])];
  console.log(`gzip: ${own} bytes without the MQTT client, ${whole} with it`);
  expect(own).toBeLessThanOrEqual(12_000);
  expect(whole).toBeLessThanOrEqual(18_000);
});

test("a bundler takes only what a page uses: reading a message needs neither MQTT nor a connection", async () => {
  const built = (await build({
    configFile: "vite.library.ts",
    logLevel: "silent",
    build: { write: false, lib: { entry: "test/only-decode.ts", formats: ["es"] } },
  })) as Rolldown.RolldownOutput[];
  expect(built[0]!.output[0].code.length).toBeLessThan(3_000);
});

test("the dashboard's first price takes at most 33 KB, and the charts wait until they are looked at", async () => {
  const built = (await build({ configFile: "vite.config.ts", logLevel: "silent", build: { write: false } })) as Rolldown.RolldownOutput;
  const size = (content: string | Uint8Array) => gzipSync(content, { level: 9 }).length;
  const [first, charts] = [built.output.filter(isFirst), built.output.filter((part) => !isFirst(part))].map((parts) =>
    parts.reduce((sum, part) => sum + size(part.type === "chunk" ? part.code : part.source), 0),
  ) as [number, number];
  console.log(`gzip: ${first} bytes to the dashboard's first price, ${charts} for its charts`);
  expect(first).toBeLessThanOrEqual(33_000);
  expect(charts).toBeGreaterThan(40_000);
});

/** What index.html itself loads. */
function isFirst(part: Rolldown.OutputChunk | Rolldown.OutputAsset): boolean {
  return part.type === "asset" || part.isEntry;
}
