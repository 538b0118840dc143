/**
 * The public document that tells a client all it needs: `GET /tickwire.json`.
 *
 * In: the platform's address. Out: a checked Discovery; NotTickwire names the first field that isn't as expected,
 * Unreachable tells that trying again may help. Fields that this version doesn't know are ignored.
 */

import { NotTickwire, reach, Unreachable } from "./errors.js";
import { isSymbol, type Lane } from "./topic.js";

const DOCUMENT = "/tickwire.json";

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
  const response = await reach(address, { cache: "no-cache" });
  const { status } = response;
  if (status >= 500 || status === 429) throw new Unreachable(address, `status ${status}`, status);
  if (!response.ok) throw new NotTickwire(address, `status ${status}`);
  const document: unknown = await response.json().catch(() => undefined);
  const wrong = FIELDS.find((path) => !text(document, path));
  if (wrong) throw new NotTickwire(address, `JSON without ${wrong}`);
  const { symbols } = document as { symbols: unknown };
  if (!Array.isArray(symbols) || !symbols.every(isSymbol)) throw new NotTickwire(address, "JSON without symbols");
  return document as Discovery;
}

const FIELDS = (
  "stage region iot.url iot.signingHost iot.signingService identity.poolId identity.url clientId api topics.price"
).split(" ");

function text(document: unknown, path: string): string {
  let value = document;
  for (const key of path.split(".")) value = (value as Record<string, unknown> | null | undefined)?.[key];
  return typeof value === "string" ? value : "";
}
