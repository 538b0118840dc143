/** What moves on the page goes on moving, whatever one of its parts does. */

import { expect, test, vi } from "vitest";
import { soon } from "./soon";

test("a drawing that fails is reported, and everything else is drawn in this frame and the next", async () => {
  const frames: ((nowMs: number) => void)[] = [];
  const reported: unknown[] = [];
  vi.stubGlobal("matchMedia", () => ({ matches: false }));
  vi.stubGlobal("requestAnimationFrame", (draw: (nowMs: number) => void) => frames.push(draw));
  vi.stubGlobal("reportError", (error: unknown) => reported.push(error));
  const { Motion } = await import("../dashboard/motion");
  const motion = new Motion();
  const drawn: number[] = [];
  const fails = () => {
    throw new Error("mine");
  };
  motion.add({ frame: fails });
  motion.add({ frame: (nowMs) => drawn.push(nowMs) < 2 });
  frames[0]!(1);
  await soon(() => expect(frames).toHaveLength(2));
  frames[1]!(2);
  expect(drawn).toEqual([1, 2]);
  expect(reported).toEqual([new Error("mine")]);
});
