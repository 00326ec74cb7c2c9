import { DtlsClient, DtlsServer, type DtlsPorts } from "../src/dtls/index.js";
import { realPorts } from "../src/ports/real/index.js";
import type { Figure } from "./figure.js";

/** Bytes of a saved session with PSK CCM_8, connection ids of eight bytes both ways and what it takes to resume it: the larger of both ends'. */
export function sessionSize(): Promise<Figure[]> {
  const ports: DtlsPorts = realPorts("bench");
  const at = { host: "127.0.0.1", port: 5684 };
  const credential = { identity: Buffer.from("urn:imei:000000000000001"), key: Buffer.alloc(16, 1) };
  const toServer: Uint8Array[] = [];
  const toClient: Uint8Array[] = [];
  const sessions: { save(): Buffer }[] = [];
  const settings = { connectionIdLength: 8 };
  const server = new DtlsServer<undefined>(
    ports,
    (datagram) => toClient.push(datagram),
    { findKey: () => ({ key: credential.key, context: undefined }), mayResume: () => true, onSession: (session) => void sessions.push(session), onData: () => {}, onClosed: () => {} },
    settings,
  );
  const client = new DtlsClient(ports, (datagram) => toServer.push(datagram), at, credential, { onConnected: () => {}, onData: () => {}, onClosed: () => {} }, settings);
  client.connect();
  for (let turn = 0; turn < 10; turn++) {
    for (const datagram of toServer.splice(0)) server.receive(Buffer.from(datagram), at);
    for (const datagram of toClient.splice(0)) client.receive(Buffer.from(datagram));
  }
  const sizes = [client.save().length, ...sessions.map((session) => session.save().length)];
  server.close();
  return Promise.resolve([{ id: "session-size", value: Math.max(...sizes), unit: "bytes", floor: "<= 600", aim: "<= 300", against: `PSK CCM_8, ids of 8 bytes, resumable: client ${sizes[0] ?? 0}, server ${sizes[1] ?? 0}` }]);
}
