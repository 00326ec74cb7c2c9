import { CertificateAuthority, newKeyPair } from "../src/certificates/index.js";
import { Codes } from "../src/coap/index.js";
import { testAuthorityOf } from "../src/config/index.js";
import { verifyChain } from "../src/dtls/index.js";
import { formatAddress } from "../src/ports/index.js";
import { realPorts } from "../src/ports/real/index.js";
import { serverEndpoint } from "../src/transport/index.js";
import { patientLab } from "./roles.js";

/** A LwM2M Server that says yes to everybody whom the test authority of the seed has certified, in a process of its own. */
const ports = realPorts("bench");
const authority = await CertificateAuthority.create(ports, "benchmark");
const keys = newKeyPair(ports.secrets);
const chain = [await authority.issue(keys.publicKey, { commonName: "server", hosts: ["127.0.0.1"] })];
const anchors = [testAuthorityOf(Number(process.argv[2] ?? 1)).certificate];
let locations = 0;
const server = await serverEndpoint<string>(
  ports,
  {
    coaps: {
      host: "127.0.0.1",
      port: 0,
      directory: {
        findKey: () => ({ refuse: 115 }),
        findPeer: (claim) => {
          const objection = claim.mode === "x509" ? verifyChain(claim.chain, { anchors, now: ports.clock.epoch(), purpose: "client" }) : { alert: 49 };
          return objection === undefined ? { context: "certified" } : { refuse: objection.alert };
        },
        mayResume: () => true,
      },
      settings: { keys: { privateKey: keys.privateKey, chain }, connectionIdLength: 8, retransmission: patientLab.dtls },
    },
    receiveBuffer: 4 * 1024 * 1024,
    transmission: patientLab.coap,
    limits: { maxPeers: 50_000 },
  },
  { onRequest: (request) => request.respond(request.path.length === 1 ? { code: Codes.Created, locationPath: ["rd", String(++locations)] } : { code: request.code === Codes.DELETE ? Codes.Deleted : Codes.Changed }) },
);
process.once("disconnect", () => process.exit());
process.send?.({ uri: `coaps://${formatAddress(server.local)}`, authority: authority.certificate.toString("base64") });
