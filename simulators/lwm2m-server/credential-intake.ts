import type { LwM2mServerConfig } from "../../src/config/index.js";
import type { Clock } from "../../src/ports/index.js";
import { cleartextSecret, isEncrypted, ProblemError, SecretKeys, takeSecret, type Capabilities, type CredentialBody, type CredentialPath, type GivenSecret, type JwkSet, type SecretContext, type SecretTransport } from "../../src/smp/index.js";
import type { StagedCredential } from "./credential-record.js";
import type { OwnKeys } from "./own-keys.js";
import { PublicCredentials } from "./public-credentials.js";
import type { PlantedFaults } from "./plants.js";

export interface CredentialIntakeOptions {
  readonly config: Pick<LwM2mServerConfig, "lab" | "secretTransport">;
  readonly plants: PlantedFaults;
  readonly ownKeys: OwnKeys;
  readonly clock: Pick<Clock, "epoch">;
}

/** What a peer stages, as it is kept: the secret unwrapped and checked, and taken out of the body. Refusals are `ProblemError`s. */
export class CredentialIntake {
  #keys: Promise<SecretKeys> | undefined;
  readonly #public: PublicCredentials;

  constructor(readonly options: CredentialIntakeOptions) {
    this.#public = new PublicCredentials(options.clock, options.plants);
  }

  /** NoSec is for laboratories. */
  get modes(): Capabilities["securityModes"] {
    return ["psk", "rpk", "x509", ...(this.options.config.lab ? (["nosec"] as const) : [])];
  }

  get transports(): SecretTransport[] {
    return this.options.config.secretTransport === "cleartext" ? ["jwe", "cleartext"] : ["jwe"];
  }

  async jwks(): Promise<JwkSet> {
    return (await this.#ownKeys()).set;
  }

  async take(tenant: string, { ep, credentialId }: CredentialPath, given: CredentialBody): Promise<StagedCredential> {
    const { secret, ...body } = given;
    if (!this.modes.includes(body.mode)) throw new ProblemError("unsupported-mode", `is not a mode of this server; use ${this.modes.join(" or ")}`, { field: "/mode" });
    if (body.mode === "rpk") return this.#public.rawPublicKey(body);
    if (body.mode === "x509") return this.#public.certificate({ ep }, body);
    if (body.mode !== "psk") return { body };
    const { bits, identity, kcv, ssid, version } = body;
    if (this.options.plants.has("long-keys-refused") && bits !== undefined && bits > 128) throw new ProblemError("schema", "is longer than keys are here", { field: "/bits" });
    if (identity === undefined || bits === undefined || kcv === undefined) throw new ProblemError("schema", "identity, bits and kcv are required in mode psk", { field: "/identity" });
    if (body.keyOrigin === "server") return { body, key: this.options.ownKeys.find({ tenant, ep, credentialId, version }, { identity, bits, kcv }) };
    if (secret === undefined) throw new ProblemError("schema", "is required in mode psk unless this server made the key", { field: "/secret" });
    return { body, key: await this.#key({ secret, bits, kcv }, { tenant, ep, ssid, credentialId, version, purpose: "sm3-psk" }) };
  }

  async #key(given: GivenSecret, context: SecretContext): Promise<Buffer> {
    const { plants } = this.options;
    const keys = await this.#ownKeys();
    if (isEncrypted(given.secret)) {
      if (plants.has("secret-context-ignored")) return takeSecret({ ...given, secret: cleartextSecret(await keys.unwrap(given.secret, contextIn(given.secret, context))) }, context, keys, ["cleartext"]);
      if (plants.has("kcv-ignored")) return keys.unwrap(given.secret, context);
    }
    return takeSecret(given, context, keys, this.transports);
  }

  #ownKeys(): Promise<SecretKeys> {
    return (this.#keys ??= SecretKeys.create());
  }
}

/** Planted fault: whatever the secret says it belongs to. */
function contextIn(jwe: string, fallback: SecretContext): SecretContext {
  try {
    const header: unknown = JSON.parse(Buffer.from(jwe.split(".")[0] ?? "", "base64url").toString("utf8"));
    return typeof header === "object" && header !== null ? { ...fallback, ...header } : fallback;
  } catch {
    return fallback;
  }
}
