/**
 * One MQTT 5 connection over one WebSocket, from opening to its end. It is never reopened: the next attempt is a
 * new session with a newly signed address.
 *
 * In: a signed address and a client id. Out: messages as (topic, text), an answer for each filter subscribed to,
 * and in the end one reason why it's over. Every wait has a deadline: opening, each acknowledgement, each ping.
 */

import { type Answer, MQTTClient, type Packet, type Reason } from "u8-mqtt/esm/web/basic-v5.js";

/** AWS IoT Core closes a connection that sends more filters than this in one packet. */
export const FILTERS_MAX = 8;

const ANSWER_MS = 10_000;
const PROBE_MS = 5_000;
const PING_EVERY_MS = 30_000; // AWS IoT Core doesn't bill pings that are this far apart
const KEEP_ALIVE_S = 60; // the broker gives up after one and a half times this

export interface SessionOptions {
  readonly url: string;
  readonly clientId: string;
  readonly onMessage: (topic: string, text: string) => void;
}

/** The broker's answer to one filter: an MQTT reason code, 0x80 and above when it was refused. */
export interface Granted {
  readonly filter: string;
  readonly code: number;
  readonly reason: string;
}

export interface Session {
  /** Settles with the reason when the connection is over, whoever ended it. */
  readonly ended: Promise<string>;
  subscribe(filters: readonly string[]): Promise<Granted[]>;
  unsubscribe(filters: readonly string[]): Promise<void>;
  /** Ask the broker for a sign of life now; the session ends when none comes in 5 s. */
  probe(): void;
  close(): void;
}

/** Open a session; an Error tells why it couldn't be. */
export async function openSession({ url, clientId, onMessage }: SessionOptions): Promise<Session> {
  const text = new TextDecoder();
  const socket = new WebSocket(url, ["mqtt"]);
  let why: string | undefined;
  let isOver = false;
  let settle!: (reason: string) => void;
  const ended = new Promise<string>((resolve) => (settle = resolve));
  const waiting = new Set<(error: Error) => void>(); // at most one for each packet unanswered

  const end = (reason: string) => {
    if (isOver) return;
    isOver = true;
    const told = why ?? reason;
    for (const reject of waiting) reject(new Error(told));
    settle(told);
    socket.close();
  };
  const client = new MQTTClient({
    keep_alive: 0,
    rotate: { td: 3000, n: 5 }, // forget unanswered packets after 12 s, later than we do
    sess_stg: null,
    on_mqtt_type: {
      mqtt_publish: (packet) => isOver || onMessage(packet.topic, text.decode(packet.payload)),
      mqtt_disconnect: (packet) => (why = `the broker ended the connection: ${name(packet.reason)}`),
    },
    log_conn() {},
    on_error: (error) => end(`the MQTT client failed: ${String(error)}`),
  });
  socket.addEventListener("close", ({ code }) => end(`the connection was cut (${code})`));

  /** The answer to a packet; the session ends when there's none in time. */
  const answer = async (sent: Promise<Answer>, kind: string, withinMs = ANSWER_MS): Promise<Packet> => {
    if (isOver) throw new Error(await ended);
    let giveUp!: (error: Error) => void;
    const over = new Promise<never>((_, reject) => (giveUp = reject));
    waiting.add(giveUp);
    const late = setTimeout(() => end(`the broker sent no ${kind} in ${withinMs / 1000} s`), withinMs);
    try {
      const [packet, error] = await Promise.race([sent, over]);
      if (packet !== undefined) return packet;
      end(`the broker sent no ${kind}: ${String(error)}`);
      return await over;
    } finally {
      clearTimeout(late);
      waiting.delete(giveUp);
    }
  };

  let isOpen = false;
  socket.addEventListener("open", () => (isOpen = true));
  try {
    client.with_websock(socket);
    const hello = client.connect({ client_id: clientId, keep_alive: KEEP_ALIVE_S, flags: { clean_start: true } });
    await answer(hello, "CONNACK");
  } catch (error) {
    end("the connection wasn't made");
    const refusal = (error as { reason?: unknown }).reason;
    if (refusal instanceof Number) throw new Error(`the broker refused the connection: ${name(refusal as Reason)}`);
    if (!isOpen) throw new Error("the broker is down or refused the signed address");
    throw error;
  }

  let isProbing = false;
  const probe = async (withinMs: number) => {
    if (isProbing) return;
    isProbing = true;
    await answer(client.ping(), "PINGRESP", withinMs).catch(() => {}); // its end is told by `ended`
    isProbing = false;
  };
  const pings = setInterval(() => void probe(ANSWER_MS), PING_EVERY_MS);
  void ended.then(() => clearInterval(pings));

  return {
    ended,
    async subscribe(filters) {
      const answers = chunks(filters).map(async (topics) => {
        const packet = await answer(client.subscribe({ topics }), "SUBACK");
        return topics.map((filter, place) => granted(filter, packet.answers[place]));
      });
      return (await Promise.all(answers)).flat();
    },
    async unsubscribe(filters) {
      await Promise.all(chunks(filters).map((topics) => answer(client.unsubscribe({ topics }), "UNSUBACK")));
    },
    probe: () => void probe(PROBE_MS),
    close() {
      void client.disconnect().finally(() => end("closed by the page"));
    },
  };
}

function granted(filter: string, reason: Reason | undefined): Granted {
  // A SUBACK with too few codes leaves the rest unanswered: 0x80, unspecified error.
  return { filter, code: Number(reason ?? 0x80), reason: name(reason) };
}

function name(reason: Reason | undefined): string {
  if (reason === undefined) return "no reason given";
  return `${reason.reason.replace(/^:\w+:/, "")} (0x${Number(reason).toString(16).padStart(2, "0")})`;
}

function chunks(filters: readonly string[]): string[][] {
  return Array.from({ length: Math.ceil(filters.length / FILTERS_MAX) }, (_, place) =>
    filters.slice(place * FILTERS_MAX, (place + 1) * FILTERS_MAX),
  );
}
