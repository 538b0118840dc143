/**
 * The signed address of the broker, for one attempt: a signature is refused when it's five minutes old.
 *
 * In: what discovery says of the broker, a guest's credentials. Out: the broker's WebSocket URL with an AWS
 * Signature Version 4 in its query. The signature covers the Host header that the browser will send; the session
 * token goes behind the signature and isn't covered by it, as AWS IoT wants it.
 */

import type { Credentials } from "./identity.js";

export interface Broker {
  readonly url: string;
  readonly signingHost: string;
  readonly signingService: string;
}

const ALGORITHM = "AWS4-HMAC-SHA256";

export async function signedUrl(
  { url, signingHost, signingService }: Broker,
  region: string,
  { accessKeyId, secretAccessKey, sessionToken }: Pick<Credentials, "accessKeyId" | "secretAccessKey" | "sessionToken">,
  now: Date = new Date(),
): Promise<string> {
  const time = now.toISOString().replace(/[:-]|\.\d{3}/g, "");
  const scope = [time.slice(0, 8), region, signingService, "aws4_request"];
  const credential = encodeURIComponent([accessKeyId, ...scope].join("/"));
  // In the order of their names, as the signature has them.
  const query = `X-Amz-Algorithm=${ALGORITHM}&X-Amz-Credential=${credential}&X-Amz-Date=${time}&X-Amz-SignedHeaders=host`;
  const request = ["GET", new URL(url).pathname, query, `host:${signingHost}`, "", "host", await sha256("")];
  const text = [ALGORITHM, time, scope.join("/"), await sha256(request.join("\n"))].join("\n");
  let key: ArrayBuffer | Uint8Array<ArrayBuffer> = bytes(`AWS4${secretAccessKey}`);
  for (const part of [...scope, text]) key = await hmac(key, part);
  return `${url}?${query}&X-Amz-Signature=${hex(key)}&X-Amz-Security-Token=${encodeURIComponent(sessionToken)}`;
}

async function sha256(text: string): Promise<string> {
  return hex(await crypto.subtle.digest("SHA-256", bytes(text)));
}

async function hmac(key: BufferSource, text: string): Promise<ArrayBuffer> {
  const made = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return crypto.subtle.sign("HMAC", made, bytes(text));
}

function bytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** Bytes as hexadecimal digits. */
export function hex(buffer: ArrayBuffer | Uint8Array): string {
  return [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
