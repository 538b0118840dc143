/** Signed addresses, against signatures worked out by hand from AWS's description, and against aws4fetch's. */

import { AwsV4Signer } from "aws4fetch";
import { expect, test } from "vitest";

import { signedUrl } from "../src/signing";

const GUEST = { accessKeyId: "ASIAEXAMPLE", secretAccessKey: "secret+/=", sessionToken: "token+/=" };
const NOW = new Date("2026-11-21T14:30:00.123Z");

test.each([
  {
    url: "wss://abc-ats.iot.eu-west-1.amazonaws.com/mqtt",
    signingHost: "abc-ats.iot.eu-west-1.amazonaws.com",
    signature: "6800330999c802b97da5994118bcc2f8b80db7b0655e836bc53b2a9527d22195",
  },
  {
    url: "ws://127.0.0.1:4566/mqtt",
    signingHost: "127.0.0.1:4566",
    signature: "52c83c04f9d7a5f009a70121309984cb2873729bc456b37f0bbd5c9700cfbbb0",
  },
])("$url is signed for its Host header, port included", async ({ url, signingHost, signature }) => {
  const signed = new URL(
    await signedUrl({ url, signingHost, signingService: "iotdevicegateway" }, "eu-west-1", GUEST, NOW),
  );
  expect(signed.href.startsWith(`${url}?`)).toBe(true);
  expect(signed.searchParams.get("X-Amz-Signature")).toBe(signature);
});

test("the session token comes after the signature, which doesn't cover it", async () => {
  const broker = { url: "wss://x/mqtt", signingHost: "x", signingService: "iotdevicegateway" };
  const signed = new URL(await signedUrl(broker, "eu-west-1", GUEST, NOW));
  expect([...signed.searchParams.keys()].slice(-2)).toEqual(["X-Amz-Signature", "X-Amz-Security-Token"]);
  expect(signed.searchParams.get("X-Amz-Security-Token")).toBe("token+/=");
});

test("the signature is for the host to sign, even where the address has another name", async () => {
  const broker = { url: "ws://localhost:1/mqtt", signingHost: "127.0.0.1:4566", signingService: "iotdevicegateway" };
  const signed = new URL(await signedUrl(broker, "eu-west-1", GUEST, NOW));
  expect(signed.host).toBe("localhost:1");
  expect(signed.searchParams.get("X-Amz-Signature")).toMatch(/^52c83c04/);
});

test.each([
  ["us-east-1", "ASIA/+=", "s3cr3t"],
  ["ap-southeast-2", "ASIAEXAMPLE", "secret with spaces/+="],
])("in %s it is the one that aws4fetch makes", async (region, accessKeyId, secretAccessKey) => {
  const guest = { accessKeyId, secretAccessKey, sessionToken: "IQoJ/+==" };
  const broker = { url: "wss://abc-ats.iot.aws/mqtt", signingHost: "abc-ats.iot.aws", signingService: "iotdevicegateway" };
  const url = "https://abc-ats.iot.aws/mqtt";
  const options = { url, region, service: "iotdevicegateway", datetime: "20261121T143000Z", signQuery: true };
  const theirs = (await new AwsV4Signer({ ...options, ...guest }).sign()).url.searchParams;
  const ours = new URL(await signedUrl(broker, region, guest, NOW)).searchParams;
  expect(Object.fromEntries(ours)).toEqual(Object.fromEntries(theirs));
});
