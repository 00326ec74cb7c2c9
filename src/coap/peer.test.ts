import { describe, expect, it } from "vitest";

import { seededRandom } from "../ports/simulated/index.js";
import { PeerTable } from "./peer.js";

const at = (port: number): { host: string; port: number } => ({ host: "10.0.0.1", port });

describe("the table of peers", () => {
  it("finds each peer by its address, whatever came and went before", () => {
    for (const maxPeers of [1, 2, 3, 10]) {
      const table = new PeerTable(maxPeers, seededRandom(1));
      const random = seededRandom(maxPeers);
      for (let i = 0; i < 2_000; i++) {
        const address = at(random.below(6));
        const peer = table.take(address, random.below(2) === 0);
        expect(peer?.address).toEqual(address);
        expect(table.find({ ...address })).toBe(peer);
        expect([...table].at(-1)).toBe(peer);
        expect(table.size).toBe([...table].length);
        expect(table.size).toBeLessThanOrEqual(maxPeers);
        for (const known of table) expect(table.find(known.address)).toBe(known);
      }
    }
  });

  it("takes a forgotten peer back, unless another has its address now", () => {
    const table = new PeerTable(1, seededRandom(1));
    const first = table.take(at(1), true);
    const second = table.take(at(2), true);
    if (first === undefined || second === undefined) throw new Error("not taken");
    expect([first.known, second.known]).toEqual([false, true]);
    expect(table.revive(first)).toBe(first);
    expect(table.find(at(1))).toBe(first);
    const replaced = new PeerTable(1, seededRandom(1));
    const old = replaced.take(at(1), true);
    replaced.take(at(2), true);
    const young = replaced.take(at(1), true);
    expect(old && replaced.revive(old)).toBe(young);
  });

  it("starts its message ids anywhere, for each peer anew", () => {
    const table = new PeerTable(100, seededRandom(1));
    const ids = new Set(Array.from({ length: 20 }, (_, port) => table.take(at(port), true)?.ids.take(0, 1)));
    expect(ids.size).toBe(20);
  });
});
