import type { Certificate, RawPublicKey } from "../../config/index.js";
import { testKeyPair, seedNumber } from "../../config/index.js";
import { ofDevice, refOf, isState } from "../evidence/index.js";
import type { Scenario } from "../scenario/scenario.js";
import type { ServerName } from "../targets/index.js";
import { bootstrapAccount, inspect, shortServerIdOf } from "./devices.js";
import { handshakesOf } from "./handshakes.js";
import { pem, serverKeysOf, trustIn, untoldPublicKey, type PublicMode, type Usage } from "./public-keys.js";

/** What is the matter with the certificate that a server shows. */
const misfitNames = ["expired", "not yet valid", "of another name", "of an unknown authority"] as const;
export type Misfit = (typeof misfitNames)[number];
export const isMisfit = (text: string): text is Misfit => misfitNames.some((name) => name === text);

const members = { expired: "expired", "not yet valid": "notYetValid", "of another name": "otherName", "of an unknown authority": "unknownAuthority" } as const;

/** A device that is refused, or refuses, goes to its Bootstrap Server at once: /1/x/16 to /1/x/20. */
const toBootstrap = { 16: true, 17: 1, 18: 1, 19: 1, 20: 1 } as const;

/** A device whose account makes it indicate a name for which the server shows such a certificate. It has a Bootstrap Server to go back to. */
export async function meetsMisfit(scenario: Scenario, alias: string, operator: ServerName, misfit: Misfit, usage: Usage): Promise<void> {
  const { misfits } = await serverKeysOf(scenario, operator);
  const serverName = misfits?.[members[misfit]] ?? scenario.recorder.missing(`server ${operator} shows a certificate that is ${misfit} under some name: it has none`);
  bootstrapAccount(scenario, alias);
  await untoldPublicKey(scenario, alias, operator, "x509", { usage, resources: toBootstrap, trust: { ...(await trustIn(scenario, operator, "x509", usage)), serverName } });
}

/** A device whose account names another public key than its server has, or another certificate. */
export async function expectsAnother(scenario: Scenario, alias: string, operator: ServerName, mode: PublicMode): Promise<void> {
  bootstrapAccount(scenario, alias);
  const { publicKey } = testKeyPair(seedNumber(scenario.run.seed), `another server of ${scenario.endpoint(alias)}`, "server");
  // Usage 3 asks for one certificate and no other: the device's own is none of the server's.
  const trust = mode === "rpk" ? { publicKey } : { ...(await trustIn(scenario, operator, "x509", 2)), usage: 3 };
  await untoldPublicKey(scenario, alias, operator, mode, { resources: toBootstrap, trust });
}

/** A device whose keys stand in its Security object in PEM. */
export async function holdsPem(scenario: Scenario, alias: string, operator: ServerName, mode: PublicMode): Promise<void> {
  await untoldPublicKey(scenario, alias, operator, mode, { alter: inPem });
}

const inPem = (credential: RawPublicKey | Certificate): RawPublicKey | Certificate =>
  credential.mode === "rpk" ? { ...credential, publicKey: pem("PUBLIC KEY", credential.publicKey) } : { ...credential, certificate: pem("CERTIFICATE", credential.certificate) };

/** Judges that the device began no handshake under an account that it cannot use. */
export async function checkUnusable(scenario: Scenario, alias: string, operator: ServerName): Promise<void> {
  await scenario.pause(scenario.run.deadlines.quietMs);
  const begun = await handshakesOf(scenario, alias, operator);
  const snapshot = await inspect(scenario, alias);
  const account = snapshot.accounts.find(({ shortServerId }) => shortServerId === shortServerIdOf(scenario, operator));
  scenario.precondition(`"${alias}" has an account of operator ${operator}`, account !== undefined, "it has none");
  const states = ofDevice(await scenario.events(), scenario.endpoint(alias)).filter(isState);
  scenario.check({
    rule: "device-needs-der",
    text: `handshakes that "${alias}" begins with server ${operator}`,
    expected: "none",
    actual: begun.length === 0 ? "none" : `${begun.length}`,
    ok: begun.every(({ outcome }) => outcome !== "session"),
    evidence: states.slice(-1).map(refOf),
  });
}
