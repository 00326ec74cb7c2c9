import { DtlsServer, verifyChain } from "../src/dtls/index.js";
import type { DatagramSocket } from "../src/ports/index.js";
import { realPorts } from "../src/ports/real/index.js";
import { readServerKeys } from "./dtls-credentials.js";

/** A DTLS server in a process of its own, that answers every CoAP message inside with a piggybacked 2.01 and a location. */
const location = Buffer.from([0x82, 0x72, 0x64, 0x04, 0x30, 0x30, 0x30, 0x31]);
const key = Buffer.from(process.argv[2] ?? "", "hex");
const keys = readServerKeys(process.argv[3]);
const ports = realPorts("bench");

function reply(request: Buffer): Buffer {
  const tokenLength = request.readUInt8(0) & 15;
  const answer = Buffer.concat([request.subarray(0, 4 + tokenLength), location]);
  answer.writeUInt8(0x60 | tokenLength, 0);
  answer.writeUInt8(0x41, 1);
  return answer;
}

let socket: DatagramSocket | undefined = undefined;
const server = new DtlsServer<undefined>(ports, (datagram, to) => socket?.send(datagram, to), {
  findKey: () => ({ key, context: undefined }),
  findPeer: (claim) => {
    const objection = claim.mode === "rpk" || keys === undefined ? undefined : verifyChain(claim.chain, { anchors: [keys.authority], now: ports.clock.epoch(), purpose: "client" });
    return objection === undefined ? { context: undefined } : { refuse: objection.alert };
  },
  mayResume: () => true,
  onSession: () => {},
  onData: (session, plaintext) => session.send(reply(plaintext)),
  onClosed: () => {},
}, keys === undefined ? {} : { keys });
socket = await ports.network.bind({ host: "127.0.0.1", receiveBuffer: 4_000_000 }, { onDatagram: (datagram, from) => server.receive(datagram, from), onSocketError: () => {} });
process.send?.(socket.local.port);
process.on("disconnect", () => process.exit(0));
