/**
 * The public document that tells a client all it needs: `GET /tickwire.json`.
 *
 * In: the platform's address. Out: a checked Discovery; NotTickwire names the first field that isn't as expected,
 * Unreachable tells that trying again may help. Fields that this version doesn't know are ignored.
 */

import { NotTickwire, reach, Unreachable } from "./errors.js";
import { isSymbol, type Lane } from "./topic.js";

const DOCUMENT = "/tickwire.json";
const TIMEOUT_MS = 10_000;

export interface Discovery {
  readonly stage: string;
  readonly region: string;
  readonly iot: { readonly url: string; readonly signingHost: string; readonly signingService: string };
  readonly identity: { readonly poolId: string; readonly url: string };
  /** A template with `{identityId}` and `{random}`. */
  readonly clientId: string;
  readonly api: string;
  readonly topics: Readonly<Partial<Record<Lane, string>>>;
  readonly symbols: readonly string[];
  /** What each symbol's price lane is: live, off, or a window such as 1s. */
  readonly lanes?: Readonly<Record<string, string>>;
}

/** The document of the platform at `url`. */
export async function discover(url: string | URL): Promise<Discovery> {
  const address = String(url).replace(DOCUMENT, "").replace(/\/+$/, "") + DOCUMENT;
  const response = await reach(address, TIMEOUT_MS, { cache: "no-cache" });
  if (response.status >= 500 || response.status === 429) throw new Unreachable(address, `status ${response.status}`);
  if (!response.ok) throw new NotTickwire(address, `status ${response.status}`);
  const document: unknown = await response.json().catch(() => undefined);
  const wrong = FIELDS.find(([path, pattern]) => !pattern.test(text(document, path)));
  if (wrong !== undefined) throw new NotTickwire(address, `JSON whose ${wrong[0]} is not as expected`);
  const { symbols } = document as { symbols: unknown };
  if (!Array.isArray(symbols) || !symbols.every(isSymbol)) throw new NotTickwire(address, "JSON without a list of symbols");
  return document as Discovery;
}

const FIELDS: readonly (readonly [path: string, expected: RegExp])[] = [
  ["stage", /./],
  ["region", /./],
  ["iot.url", /^wss?:\/\//],
  ["iot.signingHost", /./],
  ["iot.signingService", /./],
  ["identity.poolId", /./],
  ["identity.url", /^https?:\/\//],
  ["clientId", /./],
  ["api", /^https?:\/\//],
  ["topics.price", /\{symbol\}/],
];

function text(document: unknown, path: string): string {
  let value = document;
  for (const key of path.split(".")) value = (value as Record<string, unknown> | null | undefined)?.[key];
  return typeof value === "string" ? value : "";
}
