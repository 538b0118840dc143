/** The library: one ES module, whole in itself, whose name stays `tickwire.js`. It is built first. */

import { defineConfig } from "vite";

export default defineConfig({
  publicDir: false,
  build: {
    target: "es2022",
    lib: { entry: "src/index.ts", formats: ["es"], fileName: () => "tickwire.js" },
    rolldownOptions: { output: { minify: true, comments: { annotation: false } } },
  },
});
