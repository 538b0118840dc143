/**
 * What this tab would cost on AWS in a month that it stayed open at this rate.
 *
 * List prices of AWS IoT Core in us-east-1: a delivery in units of 5 KB, which none of our messages exceeds, and
 * each minute that a connection is open. Other regions and large volumes differ.
 */

export interface Tariff {
  readonly dollarsADelivery: number;
  readonly dollarsAMinute: number;
}

const TARIFF: Tariff = { dollarsADelivery: 1.0 / 1e6, dollarsAMinute: 0.08 / 1e6 };
const MONTH_S = 730 * 3600;

export function dollarsAMonth(messagesPerS: number, tariff = TARIFF): number {
  return messagesPerS * MONTH_S * tariff.dollarsADelivery + (MONTH_S / 60) * tariff.dollarsAMinute;
}
