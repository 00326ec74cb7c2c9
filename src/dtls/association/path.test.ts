import { describe, expect, it } from "vitest";
import { Path } from "./path.js";

const home = { host: "10.0.0.1", port: 1_000 };
const away = { host: "10.0.0.2", port: 2_000 };
const further = { host: "10.0.0.2", port: 2_001 };

describe("where the peer of a session is", () => {
  it("is where it was, until a new record comes from elsewhere", () => {
    const path = new Path(home);
    expect(path.heard(home, 50)).toBe(false);
    expect(path.to(10_000)).toBe(home);
  });

  it("is tried where a new record came from, with three times what came at most", () => {
    const path = new Path(home);
    expect(path.heard(away, 50)).toBe(false);
    expect([path.to(100), path.to(50)]).toEqual([away, away]);
    expect(path.to(1)).toBe(home);
    expect(path.peer).toBe(home);
  });

  it("changes when the new address has answered", () => {
    const path = new Path(home);
    path.heard(away, 50);
    path.to(100);
    expect(path.heard(away, 50)).toBe(true);
    expect(path.peer).toBe(away);
    expect(path.to(10_000)).toBe(away);
  });

  it("does not change for an address to which nothing was sent, however often it is heard", () => {
    const path = new Path(home);
    for (let i = 0; i < 5; i++) expect(path.heard(away, 50)).toBe(false);
    expect(path.peer).toBe(home);
    // What came there counts together.
    expect(path.to(750)).toBe(away);
  });

  it("is where it was again as soon as a new record comes from there", () => {
    const path = new Path(home);
    path.heard(away, 50);
    path.to(10);
    path.heard(home, 50);
    expect(path.to(10)).toBe(home);
    expect(path.heard(away, 50)).toBe(false);
  });

  it("is tried at the newest of several addresses", () => {
    const path = new Path(home);
    path.heard(away, 50);
    path.to(10);
    path.heard(further, 20);
    expect(path.to(61)).toBe(home);
    expect(path.to(60)).toBe(further);
    expect(path.heard(further, 20)).toBe(true);
    expect(path.peer).toBe(further);
  });
});
