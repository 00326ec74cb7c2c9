import { describe, expect, it } from "vitest";
import { simulatedPorts } from "../../ports/simulated/index.js";
import { forwardPort } from "./port-forward.js";

describe("a second port of a server", () => {
  it("passes datagrams on and brings the answers back to the client that asked", async () => {
    const { network, clock } = simulatedPorts(1);
    const server = await network.bind({ host: "127.0.0.1" }, { onSocketError: () => {}, onDatagram: (datagram, from) => server.send(Buffer.concat([Buffer.from("re:"), datagram]), from) });
    const forward = await forwardPort(network, { host: "127.0.0.1" }, server.local);
    const heard: string[] = [];
    const client = (name: string) => network.bind({ host: "127.0.0.1", connect: forward.local }, { onSocketError: () => {}, onDatagram: (datagram) => void heard.push(`${name} ${datagram.toString()}`) });
    const [a, b] = [await client("a"), await client("b")];
    a.send(Buffer.from("1"));
    b.send(Buffer.from("2"));
    await clock.advance(1_000);
    expect(heard.sort()).toEqual(["a re:1", "b re:2"]);
    await forward.close();
  });
});
