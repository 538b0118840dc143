/**
 * The dashboard: index.html and files under assets/ whose names change with their content.
 *
 * It is built after the library and beside it, so a finished build is one that has an index.html.
 */

import { defineConfig } from "vite";

export default defineConfig({
  build: {
    target: "es2022",
    emptyOutDir: false,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
