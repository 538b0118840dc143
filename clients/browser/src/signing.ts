/**
 * The signed address of the broker, for one attempt: a signature is refused when it's five minutes old.
 *
 * In: what discovery says of the broker, a guest's credentials. Out: the broker's WebSocket URL with an AWS
 * Signature Version 4 in its query. The signature covers the Host header that the browser will send; the session
 * token goes behind the signature and isn't covered by it, as AWS IoT wants it.
 */

import { AwsV4Signer } from "aws4fetch";

import type { Credentials } from "./identity.js";

export interface Broker {
  readonly url: string;
  readonly signingHost: string;
  readonly signingService: string;
}

export async function signedUrl(
  broker: Broker,
  region: string,
  credentials: Pick<Credentials, "accessKeyId" | "secretAccessKey" | "sessionToken">,
  now: Date = new Date(),
): Promise<string> {
  const { protocol, pathname } = new URL(broker.url);
  const scheme = protocol === "wss:" ? "https:" : "http:";
  const signer = new AwsV4Signer({
    url: `${scheme}//${broker.signingHost}${pathname}`,
    accessKeyId: credentials.accessKeyId,
    secretAccessKey: credentials.secretAccessKey,
    sessionToken: credentials.sessionToken,
    service: broker.signingService,
    region,
    datetime: now.toISOString().replace(/[:-]|\.\d{3}/g, ""),
    signQuery: true,
    appendSessionToken: true,
  });
  const { url } = await signer.sign();
  const address = new URL(broker.url);
  address.search = url.search;
  return address.href;
}
