import { plainKey } from "../../src/config/index.js";
import type { PlainAccount } from "../../src/config/index.js";
import { ContentFormat } from "../../src/coap/index.js";
import { AccessControlResource, SecurityMode, SecurityResource, ServerResource, encodeContent, instance, multiple, object, single } from "../../src/lwm2m/index.js";
import type { InstanceNode, ResourceNode, Value } from "../../src/lwm2m/index.js";
import type { AccessRecord, Grant } from "./access-control.js";
import type { AccountPayload } from "./plan.js";

/** Values of a Server account, whoever described it: a Server over SM-1, or a plain configuration. Times in seconds. */
export interface AccountValues {
  readonly ssid: number;
  readonly uri: string;
  readonly lifetime: number;
  readonly pmin?: number | undefined;
  readonly pmax?: number | undefined;
  readonly disableTimeout?: number | undefined;
  readonly storeNotifications: boolean;
  readonly binding: string;
  readonly priority?: number | undefined;
  readonly initialDelay?: number | undefined;
  readonly blockOnFailure?: boolean | undefined;
  readonly bootstrapOnFailure?: boolean | undefined;
  readonly retryCount?: number | undefined;
  readonly retryTimer?: number | undefined;
  readonly sequenceDelay?: number | undefined;
  readonly sequenceCount?: number | undefined;
  /** /0/x/4, DER: the Server's public key, or the certificate that `certificateUsage` is about. */
  readonly serverKey?: Uint8Array | undefined;
  readonly sni?: string | undefined;
  readonly certificateUsage?: number | undefined;
}

export function plainValues(account: PlainAccount): AccountValues {
  const { shortServerId, minPeriod, maxPeriod, ...rest } = account;
  const { serverKey, sni, certificateUsage } = plainKey(account) ?? {};
  return { ...rest, serverKey, sni, certificateUsage, ssid: shortServerId, pmin: minPeriod, pmax: maxPeriod };
}

/** Rights as an account asks for them, without members that are there and undefined. */
export const grantsOf = (acl: readonly { readonly object: number; readonly instance?: number | undefined; readonly rights: number }[]): readonly Grant[] =>
  acl.map(({ object, instance, rights }) => ({ object, rights, ...(instance === undefined ? {} : { instance }) }));

const empty = Buffer.alloc(0);

/** What a device is to authenticate with: resources 3 and 5. */
export interface KeyValues {
  readonly mode: "psk" | "rpk" | "x509";
  readonly identity: Uint8Array;
  readonly key: Uint8Array;
}

const modes = { psk: SecurityMode.Psk, rpk: SecurityMode.RawPublicKey, x509: SecurityMode.Certificate } as const;

/** Resources of the Security instance. Keys are mandatory resources, empty in mode NoSec (LwM2M Core 1.1 appendix E.1). */
const securityResources = ({ uri, ssid, serverKey, sni, certificateUsage }: AccountValues, key: KeyValues | undefined): ResourceNode[] => [
  single(SecurityResource.ServerUri, uri),
  single(SecurityResource.BootstrapServer, false),
  single(SecurityResource.SecurityMode, key === undefined ? SecurityMode.NoSec : modes[key.mode]),
  single(SecurityResource.PublicKeyOrIdentity, key?.identity ?? empty),
  single(SecurityResource.ServerPublicKey, key === undefined || key.mode === "psk" ? empty : (serverKey ?? empty)),
  single(SecurityResource.SecretKey, key?.key ?? empty),
  single(SecurityResource.ShortServerId, ssid),
  ...(key === undefined || sni === undefined ? [] : [single(SecurityResource.ServerName, sni)]),
  ...(key?.mode === "x509" && certificateUsage !== undefined ? [single(SecurityResource.CertificateUsage, certificateUsage)] : []),
];

function serverResources(values: AccountValues): ResourceNode[] {
  const resources: readonly (readonly [number, Value | undefined])[] = [
    [ServerResource.ShortServerId, values.ssid],
    [ServerResource.Lifetime, values.lifetime],
    [ServerResource.DefaultMinimumPeriod, values.pmin],
    [ServerResource.DefaultMaximumPeriod, values.pmax],
    [ServerResource.DisableTimeout, values.disableTimeout],
    [ServerResource.NotificationStoring, values.storeNotifications],
    [ServerResource.Binding, values.binding],
    [ServerResource.RegistrationPriorityOrder, values.priority],
    [ServerResource.InitialRegistrationDelayTimer, values.initialDelay],
    [ServerResource.RegistrationFailureBlock, values.blockOnFailure],
    [ServerResource.BootstrapOnRegistrationFailure, values.bootstrapOnFailure],
    [ServerResource.CommunicationRetryCount, values.retryCount],
    [ServerResource.CommunicationRetryTimer, values.retryTimer],
    [ServerResource.CommunicationSequenceDelayTimer, values.sequenceDelay],
    [ServerResource.CommunicationSequenceRetryCount, values.sequenceCount],
  ];
  return resources.flatMap(([id, value]) => (value === undefined ? [] : [single(id, value)]));
}

/** The payload of Bootstrap-Write to /0/x, which does not name the instance; mode NoSec without a key. */
export const encodeSecurity = (values: AccountValues, key?: KeyValues): Uint8Array =>
  encodeContent(ContentFormat.Tlv, { object: 0, instance: 0 }, instance(0, securityResources(values, key)), "1.1");

/** The payloads of Bootstrap-Write to /0/x and /1/x: they do not name the instance, so every device gets the same bytes, where it gets no key of its own. */
export function encodeAccount(values: AccountValues, key?: KeyValues): AccountPayload {
  return {
    contentFormat: ContentFormat.Tlv,
    security: encodeSecurity(values, key),
    server: encodeContent(ContentFormat.Tlv, { object: 1, instance: 0 }, instance(0, serverResources(values)), "1.1"),
  };
}

const recordNode = (record: AccessRecord): InstanceNode =>
  instance(record.instance, [
    single(AccessControlResource.ObjectId, record.object),
    single(AccessControlResource.ObjectInstanceId, record.target),
    ...(record.acl.size === 0 ? [] : [multiple(AccessControlResource.Acl, record.acl)]),
    single(AccessControlResource.Owner, record.owner),
  ]);

/** One Bootstrap-Write of object 2 that carries all records with their instance ids. */
export function encodeAccessRecords(records: readonly AccessRecord[]): { contentFormat: number; payload: Uint8Array } {
  return { contentFormat: ContentFormat.Tlv, payload: encodeContent(ContentFormat.Tlv, { object: 2 }, object(2, records.map(recordNode)), "1.1") };
}
