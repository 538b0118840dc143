/**
 * A platform in memory: site, identity pool and broker, put in place of `fetch` and `WebSocket`.
 *
 * MQTT bytes are read and written by mqtt-packet, the codec of another client, so that no test trusts ours.
 */

import { generate, type Packet, parser } from "mqtt-packet";
import { vi } from "vitest";

export const URL_ = "http://platform.test";
const V5 = { protocolVersion: 5 } as const;

export class Platform {
  symbols = ["AAPL", "MSFT", "TSLA"];
  lanes: Record<string, string> = {};
  topics: Record<string, string> = { price: "prices/{symbol}" };
  /** What the snapshot tells, by symbol; null is an API that's down. */
  newest: Record<string, object> | null = {};
  /** Ticks of AAPL that history has, by seq. */
  readonly history = new Map<number, object>();
  bars: object[] = [];
  readonly barRequests: string[] = [];
  /** How long the API takes. */
  delayMs = 0;
  /** Requests of blocks of history, each as its query. */
  readonly blocks: string[] = [];
  poolId = "us-east-1:pool";
  /** How long credentials are good for. */
  credentialsLeftMs = 3_600_000;
  /** MQTT reason code for a filter. */
  grants: (filter: string) => number = () => 0;
  /** MQTT reason codes for the next connections; then 0. */
  connackCodes: number[] = [];
  isUp = true;
  /** How long a connection takes to be made, or not to be. */
  openMs = 0;
  /** A topic that costs the connection, with the reason code of its DISCONNECT if there is one. */
  hangsUp: { topic: string; code: number | undefined } | undefined;
  /** Whether answers to SUBSCRIBE wait. */
  isHeld = false;
  answersUnsubscribes = true;
  refusesGuests = false;
  answersPings = true;
  readonly known = new Set<string>();
  readonly calls: string[] = [];
  readonly sockets: FakeSocket[] = [];
  readonly kept = new Map<string, string>();

  constructor() {
    vi.stubGlobal("fetch", (url: string, init: RequestInit) => this.#fetch(String(url), init));
    const platform = this;
    vi.stubGlobal(
      "WebSocket",
      class extends FakeSocket {
        constructor(url: string) {
          super(url, platform);
        }
      },
    );
    vi.stubGlobal("localStorage", {
      getItem: (key: string) => this.kept.get(key) ?? null,
      setItem: (key: string, value: string) => void this.kept.set(key, value),
      removeItem: (key: string) => void this.kept.delete(key),
    });
  }

  get socket(): FakeSocket {
    return this.sockets.at(-1)!;
  }

  /** The client's packets of one kind, on all connections so far. */
  packets<C extends Packet["cmd"]>(cmd: C): Extract<Packet, { cmd: C }>[] {
    const all = this.sockets.flatMap((socket) => socket.packets);
    return all.filter((packet): packet is Extract<Packet, { cmd: C }> => packet.cmd === cmd);
  }

  get filters(): string[][] {
    return this.packets("subscribe").map((packet) => packet.subscriptions.map(({ topic }) => topic));
  }

  async #fetch(url: string, init: RequestInit): Promise<Response> {
    if (url === `${URL_}/tickwire.json`) {
      this.calls.push("discovery");
      return Response.json({
        stage: "test",
        region: "us-east-1",
        iot: { url: "ws://broker.test/mqtt", signingHost: "broker.test", signingService: "iotdevicegateway" },
        identity: { poolId: this.poolId, url: "http://identity.test" },
        clientId: "{identityId}-{random}",
        api: `${URL_}/api`,
        topics: this.topics,
        symbols: this.symbols,
        lanes: this.lanes,
      });
    }
    if (url.startsWith(`${URL_}/api/`)) return this.#api(new URL(url));
    if (url !== "http://identity.test") return new Response("", { status: 404 });
    const action = new Headers(init.headers).get("x-amz-target")!.replace("AWSCognitoIdentityService.", "");
    const body = JSON.parse(String(init.body)) as { IdentityId?: string };
    this.calls.push(action);
    if (action === "GetId") {
      const id = `${this.poolId}-guest-${this.known.size}`;
      this.known.add(id);
      return Response.json({ IdentityId: id });
    }
    if (this.refusesGuests) return Response.json({ __type: "NotAuthorizedException", message: "no guests" }, { status: 400 });
    if (!this.known.has(body.IdentityId!)) {
      return Response.json({ __type: "ResourceNotFoundException", message: "no such identity" }, { status: 400 });
    }
    const Expiration = (Date.now() + this.credentialsLeftMs) / 1000;
    const AccessKeyId = `KEY${this.calls.length}`;
    return Response.json({
      Credentials: { AccessKeyId, SecretKey: "secret", SessionToken: "token", Expiration },
    });
  }

  async #api({ pathname, search, searchParams }: URL): Promise<Response> {
    if (this.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.delayMs));
    if (this.newest === null) return new Response("", { status: 503 });
    if (pathname === "/api/prices") {
      this.calls.push("snapshot");
      const symbols = searchParams.get("symbols")!.split(",");
      return Response.json({ prices: symbols.flatMap((symbol) => this.newest![symbol] ?? []) });
    }
    if (pathname.startsWith("/api/bars/")) {
      this.barRequests.push(search);
      return Response.json({ bars: this.bars });
    }
    this.blocks.push(search);
    const after = Number(searchParams.get("after_seq"));
    const seqs = Array.from({ length: 100 }, (_, place) => after + 1 + place);
    return Response.json({ ticks: seqs.flatMap((seq) => this.history.get(seq) ?? []) });
  }
}

/** A message as the broker sends it. */
export function published(topic: string, payload: object): Uint8Array {
  const text = JSON.stringify(payload);
  return generate({ cmd: "publish", topic, payload: text, qos: 0, dup: false, retain: false }, V5);
}

export class FakeSocket extends EventTarget {
  binaryType = "";
  readyState = 0;
  readonly packets: Packet[] = [];
  readonly #parser = parser(V5);

  constructor(
    readonly url: string,
    readonly platform: Platform,
  ) {
    super();
    platform.sockets.push(this);
    this.#parser.on("packet", (packet) => this.#answer(packet));
    setTimeout(() => {
      if (!platform.isUp) return this.cut(1006);
      this.readyState = 1;
      this.#emit(new Event("open"));
    }, platform.openMs);
  }

  send(bytes: Uint8Array): void {
    this.#parser.parse(Buffer.from(bytes));
  }

  close(): void {
    this.cut(1000);
  }

  /** The connection is gone, as the page sees it. */
  cut(code: number): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    if (code === 1006) this.#emit(new Event("error"));
    this.#emit(Object.assign(new Event("close"), { code, reason: "", wasClean: code !== 1006 }));
  }

  give(packet: Packet): void {
    this.giveBytes(generate(packet, V5));
  }

  /** One WebSocket message, whatever packets or parts of packets it holds. */
  giveBytes(bytes: Uint8Array): void {
    this.#emit(new MessageEvent("message", { data: new Uint8Array(bytes).buffer }));
  }

  publish(topic: string, payload: object): void {
    this.giveBytes(published(topic, payload));
  }

  #answer(packet: Packet): void {
    this.packets.push(packet);
    if (packet.cmd === "connect") {
      this.give({ cmd: "connack", reasonCode: this.platform.connackCodes.shift() ?? 0, sessionPresent: false });
    } else if (packet.cmd === "subscribe" && packet.subscriptions.some(({ topic }) => topic === this.platform.hangsUp?.topic)) {
      const reasonCode = this.platform.hangsUp!.code;
      if (reasonCode !== undefined) this.give({ cmd: "disconnect", reasonCode });
      this.cut(1000);
    } else if (packet.cmd === "subscribe" && !this.platform.isHeld) {
      const granted = packet.subscriptions.map(({ topic }) => this.platform.grants(topic));
      this.give({ cmd: "suback", messageId: packet.messageId!, granted });
    } else if (packet.cmd === "unsubscribe" && this.platform.answersUnsubscribes) {
      this.give({ cmd: "unsuback", messageId: packet.messageId!, granted: packet.unsubscriptions.map(() => 0) });
    } else if (packet.cmd === "pingreq" && this.platform.answersPings) {
      this.give({ cmd: "pingresp" });
    }
  }

  #emit(event: Event): void {
    (this as unknown as Record<string, ((event: Event) => void) | undefined>)[`on${event.type}`]?.(event);
    this.dispatchEvent(event);
  }
}
