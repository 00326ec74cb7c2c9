/** The enabler versions this tool speaks, as `lwm2m=` in a Register names them. */
export type LwM2mVersion = "1.0" | "1.1";

export const lwm2mVersions: readonly LwM2mVersion[] = ["1.0", "1.1"];

export const isLwM2mVersion = (text: string): text is LwM2mVersion => text === "1.0" || text === "1.1";

/** What changed from one enabler version to the next, asked by name so that no comparison of version texts is spread over the code. */
export interface VersionRules {
  /** `ep` may be left out when the security layer identifies the client (LwM2M Core 1.1 §6.2.1). */
  readonly endpointOptional: boolean;
  /** Queue mode is the parameter `Q` of its own; before, a letter inside `b`. */
  readonly queueParameter: boolean;
  /** A registration does not outlive its security context: a new one wants a Register (LwM2M Transport 1.1 §6.4.3); resuming one does not make a new one. */
  readonly registrationNeedsItsSession: boolean;
  /** /1/x/11. */
  readonly tlsAlertCode: boolean;
  /** Paths of four levels. */
  readonly resourceInstancePaths: boolean;
  readonly bootstrapRead: boolean;
  /** `pct` in a Bootstrap-Request. */
  readonly preferredContentFormat: boolean;
  /** `uri` of Security instances in the answer to Bootstrap-Discover. */
  readonly discoversUris: boolean;
  /** Attributes `epmin` and `epmax`. */
  readonly evaluationPeriods: boolean;
  /** `ver=1.1`; before, `ver="1.1"`. */
  readonly bareObjectVersion: boolean;
  /** Objects that no LwM2M Server may see: absent from the Register, every operation on them 4.01. */
  readonly bootstrapOnlyObjects: readonly number[];
}

const rules: Readonly<Record<LwM2mVersion, VersionRules>> = {
  "1.0": {
    endpointOptional: false,
    queueParameter: false,
    registrationNeedsItsSession: false,
    tlsAlertCode: false,
    resourceInstancePaths: false,
    bootstrapRead: false,
    preferredContentFormat: false,
    discoversUris: false,
    evaluationPeriods: false,
    bareObjectVersion: false,
    bootstrapOnlyObjects: [0],
  },
  "1.1": {
    endpointOptional: true,
    queueParameter: true,
    registrationNeedsItsSession: true,
    tlsAlertCode: true,
    resourceInstancePaths: true,
    bootstrapRead: true,
    preferredContentFormat: true,
    discoversUris: true,
    evaluationPeriods: true,
    bareObjectVersion: true,
    bootstrapOnlyObjects: [0, 21],
  },
};

export const versionRules = (version: LwM2mVersion): VersionRules => rules[version];
