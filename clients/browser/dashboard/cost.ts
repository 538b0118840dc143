/**
 * What this tab would cost on AWS in a month that it stayed open at this rate.
 *
 * In: the prices of the platform's `/tickwire.json`, the messages a second. Out: dollars: each delivery, of which none
 * of our messages is more than one, and each minute that a connection is open. A platform that names no prices has
 * the list prices of AWS IoT Core in us-east-1.
 */

export interface Tariff {
  readonly delivery: number;
  readonly connectionMinute: number;
}

export const LIST: Tariff = { delivery: 1e-6, connectionMinute: 0.08e-6 };
const MONTH_S = 730 * 3600;

export function tariffOf(discovery: object): Tariff {
  const { delivery, connectionMinute } = (discovery as { prices?: Partial<Tariff> }).prices ?? {};
  return typeof delivery === "number" && typeof connectionMinute === "number" ? { delivery, connectionMinute } : LIST;
}

export function dollarsAMonth(messagesPerS: number, tariff: Tariff): number {
  return messagesPerS * MONTH_S * tariff.delivery + (MONTH_S / 60) * tariff.connectionMinute;
}
