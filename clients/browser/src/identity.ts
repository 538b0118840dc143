/**
 * Who this browser is to the platform: a guest of its Cognito identity pool.
 *
 * In: the pool. Out: an identity id, kept in local storage so that a browser stays one guest, and temporary
 * credentials, kept in memory and fetched anew when less than 10 minutes are left. An identity that the pool no
 * longer knows is replaced once. Where local storage is closed to the page, the identity lives as long as the tab.
 */

import { reach, Refused, Unreachable } from "./errors.js";

const LEFT_MS_MIN = 10 * 60_000;
/** Credentials newer than this aren't what the broker refused. */
const FRESH_MS = 10_000;

export interface Credentials {
  readonly identityId: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly fetchedMs: number;
  readonly expiresMs: number;
}

export class Identity {
  readonly #poolId: string;
  readonly #url: string;
  #identityId: string | null = null;
  #credentials: Credentials | undefined;

  constructor({ poolId, url }: { readonly poolId: string; readonly url: string }) {
    this.#poolId = poolId;
    this.#url = url;
    this.#kept((store, key) => (this.#identityId = store.getItem(key)));
  }

  /** Credentials good for at least 10 minutes. */
  async credentials(): Promise<Credentials> {
    const kept = this.#credentials;
    if (kept && kept.expiresMs - Date.now() >= LEFT_MS_MIN) return kept;
    return (this.#credentials = await this.#fetch());
  }

  /** Drop credentials that were refused, unless they are too new to be the cause. */
  forget(): void {
    if (Date.now() - (this.#credentials?.fetchedMs ?? 0) >= FRESH_MS) this.#credentials = undefined;
  }

  async #fetch(): Promise<Credentials> {
    try {
      if (this.#identityId !== null) return await this.#credentialsFor(this.#identityId);
    } catch (error) {
      if (!(error instanceof Unknown) && !(error instanceof Refused)) throw error;
      this.#kept((store, key) => store.removeItem(key));
    }
    const { IdentityId } = await this.#call("GetId", { IdentityPoolId: this.#poolId });
    const id = (this.#identityId = String(IdentityId));
    const credentials = await this.#credentialsFor(id);
    this.#kept((store, key) => store.setItem(key, id));
    return credentials;
  }

  /** Where the page may not use local storage (a private window, a sandboxed frame, a full disk), nothing is kept. */
  #kept(use: (store: Storage, key: string) => void): void {
    try {
      use(localStorage, `tickwire:identity:${this.#poolId}`);
    } catch {
      // then this tab is a guest of its own
    }
  }

  async #credentialsFor(identityId: string): Promise<Credentials> {
    const answer = await this.#call("GetCredentialsForIdentity", { IdentityId: identityId });
    const given = (answer.Credentials ?? {}) as Record<string, string | number>;
    return {
      identityId,
      accessKeyId: String(given.AccessKeyId),
      secretAccessKey: String(given.SecretKey),
      sessionToken: String(given.SessionToken),
      fetchedMs: Date.now(),
      expiresMs: Number(given.Expiration) * 1000,
    };
  }

  async #call(action: string, body: object): Promise<Record<string, unknown>> {
    const response = await reach(this.#url, {
      method: "POST",
      headers: {
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": `AWSCognitoIdentityService.${action}`,
      },
      body: JSON.stringify(body),
      cache: "no-store",
    });
    const answer = (await response.json().catch(() => ({}))) as Record<string, unknown>;
    if (response.ok) return answer;
    const type = String(answer.__type ?? response.status).replace(/^.*#/, "");
    const why = `${action} was refused with ${type}${answer.message ? `, ${answer.message}` : ""}`;
    if (type === "NotAuthorizedException") throw new Refused(why);
    throw new (UNKNOWN.has(type) ? Unknown : Unreachable)(this.#url, why, response.status);
  }
}

/** The identity isn't known, or the pool isn't: one that is set up anew takes a moment. */
class Unknown extends Unreachable {}

const UNKNOWN = new Set(["ResourceNotFoundException", "InvalidParameterException"]);
