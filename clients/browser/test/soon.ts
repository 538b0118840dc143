/** Waiting for what is on its way, with a deadline that a busy machine keeps too. */

import { vi } from "vitest";

/** Wait until `check` doesn't throw; it's made again each `intervalMs`. */
export async function soon(check: () => void, intervalMs = 50): Promise<void> {
  await vi.waitFor(check, { timeout: 10_000, interval: intervalMs });
}
