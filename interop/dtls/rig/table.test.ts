import { expect, it } from "vitest";

import { replaced } from "./table.js";

const empty = "before\n<!-- DTLS peers: this section is written by the tests of dtls/ -->\n<!-- end of DTLS peers -->\nafter\n";
const a = "| a | 1 | client | C0A8 |  | pass |";
const b = "| b | 1 | client | C0A8 |  | pass |";

it("The table is the same whichever file of tests ran first, and leaves the text around it alone", () => {
  const forwards = replaced(replaced(empty, [a]), [b]);
  expect(replaced(replaced(empty, [b]), [a])).toBe(forwards);
  expect(replaced(forwards, [a])).toBe(forwards);
  expect(forwards).toMatch(/^before\n[^]*\nafter\n$/);
});

it("New rows of a peer take the place of its old ones, and of nobody else's", () => {
  const newer = "| a | 2 | server | 00AE |  | pass |";
  const written = replaced(replaced(empty, [a, b]), [newer]);
  expect(written).not.toContain(a);
  expect(written).toContain(`${newer}\n${b}\n`);
});

it("New rows of a peer with one kind of keys leave its rows with another alone", () => {
  const certificates = "| a | 1 | client | C0AE X.509 |  | pass |";
  const written = replaced(replaced(empty, [a]), [certificates]);
  expect(written).toContain(`${a}\n${certificates}\n`);
  expect(replaced(written, [a])).toBe(written);
});

it("A README without the section is not written to", () => {
  expect(() => replaced("nothing here", [a])).toThrow(/has no section/);
});
