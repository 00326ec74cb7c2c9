import { describe, expect, it } from "vitest";
import { simulatedPorts } from "../../ports/simulated/index.js";
import { DtlsClient } from "../../dtls/index.js";
import { KeyLog } from "./key-log.js";
import type { CapturedDatagram } from "./pcapng.js";

const server = { host: "10.0.0.2", port: 5684 };

/** The ClientHello that a device of this seed begins with, and its random. */
function firstDatagram(seed: string): { readonly datagram: CapturedDatagram; readonly random: string } {
  let sent: Uint8Array = new Uint8Array();
  const client = new DtlsClient(simulatedPorts(seed), (datagram) => (sent = datagram), server, { identity: Buffer.from("d"), key: Buffer.alloc(16) }, { onConnected: () => {}, onData: () => {}, onClosed: () => {} });
  client.connect();
  return { datagram: { at: 0n, from: server, to: server, payload: sent }, random: Buffer.from(sent.subarray(27, 59)).toString("hex") };
}

describe("a key log", () => {
  it("gives the lines of the sessions that begin among some datagrams, and of no others", () => {
    const log = new KeyLog();
    const [one, two] = [firstDatagram("one"), firstDatagram("two")];
    log.add(`CLIENT_RANDOM ${one.random} aa`);
    log.add(`CLIENT_RANDOM ${two.random} bb`);
    expect(log.of([one.datagram, one.datagram, { ...two.datagram, payload: Buffer.from("44021234", "hex") }])).toEqual([`CLIENT_RANDOM ${one.random} aa`]);
    expect(log.lines).toHaveLength(2);
  });
});
