/**
 * One MQTT 5 connection over one WebSocket, from opening to its end. It is never reopened: the next attempt is a
 * new session with a newly signed address.
 *
 * In: a signed address and a client id. Out: messages as (topic, text), an answer for each filter subscribed to,
 * and in the end one reason why it's over. Every wait has a deadline: opening, each acknowledgement, each ping.
 */

import { type Answer, MQTTClient, type Packet, type Reason } from "u8-mqtt/esm/web/basic-v5.js";

import { sleep } from "./backoff.js";
import { Refused } from "./errors.js";
import type { Kind } from "./machine.js";

/** AWS IoT Core closes a connection that sends more filters than this in one packet. */
export const FILTERS_MAX = 8;

const ANSWER_MS = 10_000;
const PING_EVERY_MS = 30_000; // AWS IoT Core doesn't bill pings that are this far apart
const KEEP_ALIVE_S = 60; // the broker gives up after one and a half times this

/** The broker's word that this client may not: bad name or password, not authorized, banned, bad method, bad id. */
const REFUSALS: readonly number[] = [0x85, 0x86, 0x87, 0x8a, 0x8c];
const TAKEN_OVER = 0x8e;

export interface SessionOptions {
  readonly url: string;
  readonly clientId: string;
  readonly onMessage: (topic: string, text: string) => void;
}

/** The broker's answer to one filter: an MQTT reason code, 0x80 and above when it was refused. */
export interface Granted {
  readonly topic: string;
  readonly code: number;
  readonly reason: string;
}

/** Why a connection is over. */
export interface End {
  readonly kind: Kind;
  readonly why: string;
}

export interface Session {
  /** Settles when the connection is over, whoever ended it. */
  readonly ended: Promise<End>;
  subscribe(filters: readonly string[]): Promise<Granted[]>;
  unsubscribe(filters: readonly string[]): Promise<void>;
  /** Whether the broker gives a sign of life in that time. The session ends when none comes in 10 s. */
  isAlive(withinMs: number): Promise<boolean>;
  close(): void;
}

/** Open a session; an Error tells why it couldn't be, Refused that the broker said no to this client. */
export async function openSession({ url, clientId, onMessage }: SessionOptions): Promise<Session> {
  const text = new TextDecoder();
  const socket = new WebSocket(url, ["mqtt"]);
  let said: Reason | undefined;
  let isOver = false;
  let settle!: (end: End) => void;
  const ended = new Promise<End>((resolve) => (settle = resolve));
  const waiting = new Set<(error: Error) => void>(); // at most one for each packet unanswered

  const end = (reason: string) => {
    if (isOver) return;
    isOver = true;
    const why = said ? `the broker ended the connection: ${name(said)}` : reason;
    for (const reject of waiting) reject(new Error(why));
    settle({ kind: kindOf(said), why });
    socket.close();
  };
  const client = new MQTTClient({
    keep_alive: 0,
    rotate: { td: 3000, n: 5 }, // forget unanswered packets after 12 s, later than we do
    sess_stg: null,
    on_mqtt_type: {
      mqtt_publish: (packet) => isOver || onMessage(packet.topic, text.decode(packet.payload)),
      mqtt_disconnect: (packet) => (said = packet.reason),
    },
    log_conn() {},
    on_error: (error) => end(`the MQTT client failed: ${String(error)}`),
  });
  socket.addEventListener("close", ({ code }) => end(`the connection was cut (${code})`));

  /** The answer to a packet; the session ends when there's none in time. */
  const answer = async (sent: Promise<Answer>, kind: string): Promise<Packet> => {
    if (isOver) throw new Error((await ended).why);
    let giveUp!: (error: Error) => void;
    const over = new Promise<never>((_, reject) => (giveUp = reject));
    waiting.add(giveUp);
    const late = setTimeout(() => end(`the broker sent no ${kind} in ${ANSWER_MS / 1000} s`), ANSWER_MS);
    try {
      const [packet, error] = await Promise.race([sent, over]);
      if (packet) return packet;
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
    if (refusal instanceof Number) {
      const why = `the broker refused the connection: ${name(refusal as Reason)}`;
      throw kindOf(refusal as Reason) === "refused" ? new Refused(why) : new Error(why);
    }
    if (!isOpen) throw new Error("the broker is down, or refused the signed address: is this machine's clock right?");
    throw error;
  }

  let ping: Promise<boolean> | undefined; // one at a time; its end is told by `ended`
  const isAlive = (): Promise<boolean> =>
    (ping ??= answer(client.ping(), "PINGRESP")
      .then(() => true, () => false)
      .finally(() => (ping = undefined)));
  const pings = setInterval(isAlive, PING_EVERY_MS);
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
    isAlive: (withinMs) => Promise.race([isAlive(), sleep(withinMs).then(() => false)]),
    close() {
      void client.disconnect().finally(() => end("closed by the page"));
    },
  };
}

function granted(filter: string, reason: Reason | undefined): Granted {
  // A SUBACK with too few codes leaves the rest unanswered: 0x80, unspecified error.
  return { topic: filter, code: Number(reason ?? 0x80), reason: name(reason) };
}

function kindOf(reason: Reason | undefined): Kind {
  if (Number(reason) === TAKEN_OVER) return "taken-over";
  return REFUSALS.includes(Number(reason)) ? "refused" : "network";
}

function name(reason: Reason | undefined): string {
  if (!reason) return "no reason given";
  return `${reason.reason.replace(/^:\w+:/, "")} (0x${Number(reason).toString(16).padStart(2, "0")})`;
}

function chunks(filters: readonly string[]): string[][] {
  return filters.flatMap((_, place) => (place % FILTERS_MAX === 0 ? [filters.slice(place, place + FILTERS_MAX)] : []));
}
