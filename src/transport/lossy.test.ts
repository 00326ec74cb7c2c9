import { describe, expect, it } from "vitest";
import type { DatagramSocket, Network } from "../ports/index.js";
import { simulatedPorts } from "../ports/simulated/index.js";
import { lossyNetwork } from "./lossy.js";

const at = (host: string) => ({ host, port: 5683 });

async function pair(share: number) {
  const ports = simulatedPorts(1);
  const lossy = lossyNetwork(ports.network, ports.random.fork("loss"), share);
  const heard = { there: 0, back: 0 };
  const bind = (network: Network, host: string, who: keyof typeof heard): Promise<DatagramSocket> => network.bind(at(host), { onDatagram: () => heard[who]++, onSocketError: () => {} });
  const server = await bind(ports.network, "10.0.0.1", "there");
  const device = await bind(lossy, "10.0.0.2", "back");
  const exchange = async (times: number): Promise<void> => {
    for (let time = 0; time < times; time++) {
      device.send(Buffer.of(1), at("10.0.0.1"));
      server.send(Buffer.of(2), at("10.0.0.2"));
    }
    await ports.clock.advance(1_000);
  };
  return { lossy, heard, exchange };
}

describe("a network that loses datagrams on purpose", () => {
  it("loses the share it was given in either direction, and counts each of them", async () => {
    const { lossy, heard, exchange } = await pair(0.1);
    await exchange(10_000);
    for (const arrived of [heard.there, heard.back]) expect(arrived / 10_000).toBeCloseTo(0.9, 1);
    expect(heard.there + heard.back + lossy.lost).toBe(20_000);
  });

  it("loses all of them, or none", async () => {
    const all = await pair(1);
    await all.exchange(10);
    expect(all.heard).toEqual({ there: 0, back: 0 });
    const none = await pair(0);
    await none.exchange(10);
    expect(none.heard).toEqual({ there: 10, back: 10 });
  });
});
