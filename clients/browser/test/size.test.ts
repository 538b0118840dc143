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
