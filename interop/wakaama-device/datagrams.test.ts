import { expect, it } from "vitest";
import { DatagramReader, type SeenDatagram } from "./datagrams.js";

const log = [
  "Sending 20 bytes to [127.0.0.1]:56999",
  "44 02 F4 C1  C1 F4 21 DE  B2 62 73 48  65 70 3D 75   D.....!..bsHep=u",
  "72 6E 3A 78                                          rn:x",
  "#> failed sending 20 bytes",
  "8 bytes received from [127.0.0.1]:56999",
  "64 44 F4 C1  C1 F4 21 DE   dD....!.",
  "",
].join("\r\n");

const expected = [
  { direction: "out", peer: "127.0.0.1:56999", bytes: Buffer.from("4402f4c1c1f421deb262734865703d75726e3a78", "hex") },
  { direction: "in", peer: "127.0.0.1:56999", bytes: Buffer.from("6444f4c1c1f421de", "hex") },
];

it.each([1, 7, log.length])("datagrams are read out of the client's dump, come as it may in pieces of %i", (size) => {
  const seen: SeenDatagram[] = [];
  const reader = new DatagramReader((datagram) => seen.push(datagram));
  for (let at = 0; at < log.length; at += size) reader.push(log.slice(at, at + size));
  expect(seen).toEqual(expected);
});
