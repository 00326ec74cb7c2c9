import { describe, expect, it } from "vitest";
import type { IncomingRequest } from "../../src/coap/index.js";
import { VirtualClock } from "../../src/ports/simulated/index.js";
import { WaitingRoom } from "./waiting-room.js";

function room(capacity?: number): { clock: VirtualClock; waiting: WaitingRoom; begun: string[]; ignored: string[]; forgotten: string[]; come: (endpoint: string, name?: string) => void } {
  const clock = new VirtualClock();
  const forgotten: string[] = [];
  const waiting = new WaitingRoom(clock, 1000, (endpoint) => forgotten.push(endpoint), capacity);
  const begun: string[] = [];
  const ignored: string[] = [];
  const come = (endpoint: string, name = endpoint): void => {
    const request: Pick<IncomingRequest, "ignore"> = { ignore: () => ignored.push(name) };
    waiting.add(endpoint, request as IncomingRequest, () => begun.push(name));
  };
  return { clock, waiting, begun, ignored, forgotten, come };
}

describe("requests that wait for their session", () => {
  it("begin in the order they came", () => {
    const { waiting, begun, come } = room();
    for (const endpoint of ["a", "b", "c"]) come(endpoint);
    waiting.admit();
    waiting.admit();
    expect(begun).toEqual(["a", "b"]);
    expect(waiting.size).toBe(1);
  });

  it("keep the place of a device that asks again, with its newest request", () => {
    const { waiting, begun, ignored, come } = room();
    come("a", "a1");
    come("b");
    come("a", "a2");
    waiting.admit();
    expect(begun).toEqual(["a2"]);
    expect(ignored).toEqual(["a1"]);
  });

  it("are forgotten when the device has not asked again for long", async () => {
    const { clock, waiting, begun, ignored, forgotten, come } = room();
    come("a");
    come("b");
    await clock.advance(600);
    come("b", "b2");
    await clock.advance(600);
    expect(ignored).toEqual(["b", "a"]);
    expect(forgotten).toEqual(["a"]);
    expect(waiting.size).toBe(1);
    expect(waiting.admit()).toBe(true);
    expect(waiting.admit()).toBe(false);
    expect(begun).toEqual(["b2"]);
    await clock.advance(1000);
    expect(waiting.running).toBe(false);
  });

  it("are left unanswered beyond the room there is, except of a device that has its place", () => {
    const { waiting, ignored, begun, come } = room(2);
    for (const endpoint of ["a", "b", "c"]) come(endpoint);
    come("a", "a2");
    expect(ignored).toEqual(["c", "a"]);
    while (waiting.admit());
    expect(begun).toEqual(["a2", "b"]);
  });

  it("are left unanswered when the server stops", () => {
    const { waiting, ignored, begun, come } = room();
    come("a");
    waiting.close();
    waiting.admit();
    expect(ignored).toEqual(["a"]);
    expect(begun).toEqual([]);
  });
});
