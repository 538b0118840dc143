/** The part of u8-mqtt's MQTT 5 client that `session.ts` drives; the package has no types of its own. */
declare module "u8-mqtt/esm/web/basic-v5.js" {
  /** An MQTT 5 reason code: below 0x80 is success. */
  export interface Reason extends Number {
    /** `:ok:…` or `:fail:…` and the code's name in the specification. */
    readonly reason: string;
  }

  export interface Packet {
    readonly topic: string;
    readonly payload: Uint8Array;
    readonly reason?: Reason;
    readonly answers: readonly Reason[];
  }

  /** A packet, or why there is none. */
  export type Answer = [packet?: Packet, error?: unknown];

  export class MQTTClient {
    constructor(options: {
      /** Seconds between pings of its own; 0 for none. */
      keep_alive: number;
      /** An unanswered packet is forgotten after n - 1 to n times `td` milliseconds in which messages came. */
      rotate: { td: number; n: number };
      sess_stg: null;
      on_mqtt_type: { mqtt_publish(packet: Packet): void; mqtt_disconnect(packet: Packet): void };
      log_conn(): void;
      on_error(error: unknown): void;
    });
    with_websock(socket: WebSocket): this;
    connect(packet: { client_id: string; keep_alive: number; flags: { clean_start: boolean } }): Promise<Answer>;
    subscribe(packet: { topics: readonly string[] }): Promise<Answer>;
    unsubscribe(packet: { topics: readonly string[] }): Promise<Answer>;
    ping(): Promise<Answer>;
    disconnect(): Promise<unknown>;
  }
}
