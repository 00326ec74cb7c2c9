import { createSocket } from "node:dgram";
import { once } from "node:events";
import { expect, it } from "vitest";

import { freePorts } from "./free-ports.js";

const host = "127.0.0.1";

it("Free ports are all different, and none of them is taken by a UDP socket", async () => {
  // So many that a look at TCP alone would meet one of them.
  const sockets = Array.from({ length: 1_000 }, () => createSocket("udp4"));
  try {
    for (const socket of sockets) {
      socket.bind(0, host);
      await once(socket, "listening");
    }
    const taken = new Set(sockets.map((socket) => socket.address().port));
    const free = await freePorts(host, 100);
    expect(new Set(free).size).toBe(100);
    expect(free.filter((port) => taken.has(port))).toEqual([]);
    for (const port of free) {
      const socket = createSocket("udp4").bind(port, host);
      await once(socket, "listening");
      socket.close();
    }
  } finally {
    for (const socket of sockets) socket.close();
  }
});
