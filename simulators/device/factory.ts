import {
  AccessControlResource,
  instance,
  multiple,
  ObjectId,
  SecurityMode,
  SecurityResource,
  ServerResource,
  single,
  type InstanceNode,
  type ResourceNode,
} from "../../src/lwm2m/index.js";
import { isPsk, type DeviceCredential, type ServerTrust } from "../../src/config/index.js";
import { bytesOf, freeInstance, textOf, withInstance, withResource, type Objects, type StoredInstance } from "./objects.js";
import { holdsKey } from "./security.js";
import { isBootstrapAccount } from "./server-accounts.js";
import type { AccessControlSpec, AccountSecuritySpec, BootstrapAccountSpec, DeviceSpec, ServerAccountSpec } from "./spec.js";

/** Resource values that are computed when they are read: /3/0/2 is the endpoint name, /3/0/13 the clock. */
export const computed = { serialNumber: "(endpoint)", currentTime: -1 } as const;

export const temperatureObject = 3303;
export const temperatureResource = { minimum: 5601, maximum: 5602, reset: 5605, value: 5700, units: 5701 } as const;
const initialTemperature = 20.5;

const deviceInstance: InstanceNode = instance(0, [
  single(0, "Muster"),
  single(1, "simulated device"),
  single(2, computed.serialNumber),
  single(3, "1.0.0"),
  multiple(6, [[0, 1]]),
  multiple(7, [[0, 3800]]),
  single(9, 100),
  single(10, 32),
  multiple(11, [[0, 0]]),
  single(13, computed.currentTime),
  single(14, "+00"),
  single(15, "Etc/UTC"),
  single(16, "U"),
  single(17, "simulator"),
  single(18, "1.0"),
  single(19, "1.0.0"),
  single(20, 0),
  single(21, 64),
]);

const connectivityInstance: InstanceNode = instance(0, [single(0, 41), multiple(1, [[0, 41]]), single(2, -65), single(3, 90), multiple(4, [[0, "127.0.0.1"]])]);

/** State 0 idle, result 0 initial, packages pulled over CoAP. */
const firmwareInstance: InstanceNode = instance(0, [single(1, ""), single(3, 0), single(5, 0), single(6, "muster"), single(7, "1.0.0"), multiple(8, [[0, 0]]), single(9, 2)]);

const temperatureInstance = (id: number): InstanceNode =>
  instance(id, [single(5601, initialTemperature), single(5602, initialTemperature), single(5603, -40), single(5604, 85), single(5700, initialTemperature), single(5701, "Cel")]);

const plain: readonly StoredInstance[] = [
  { object: ObjectId.Device, node: deviceInstance },
  { object: ObjectId.ConnectivityMonitoring, node: connectivityInstance },
  { object: ObjectId.FirmwareUpdate, node: firmwareInstance },
];

const temperatures: StoredInstance[] = [];
function temperature(id: number): StoredInstance {
  return (temperatures[id] ??= { object: temperatureObject, node: temperatureInstance(id) });
}

const nothing = new Uint8Array(0);

const isSecured = (uri: string): boolean => uri.startsWith("coaps:");

const modeNumbers = { psk: SecurityMode.Psk, rpk: SecurityMode.RawPublicKey, x509: SecurityMode.Certificate } as const;

/** /0/x/2, /0/x/3 and /0/x/5. */
function ownResources(credential: DeviceCredential): readonly ResourceNode[] {
  const [mode, own, secret] = isPsk(credential)
    ? ([modeNumbers.psk, credential.identity, credential.key] as const)
    : ([modeNumbers[credential.mode], credential.mode === "rpk" ? credential.publicKey : credential.certificate, credential.privateKey] as const);
  return [single(SecurityResource.SecurityMode, mode), single(SecurityResource.PublicKeyOrIdentity, own), single(SecurityResource.SecretKey, secret)];
}

/** /0/x/4, and /0/x/13 to /0/x/15 where they are given. */
const trustResources = ({ publicKey, matchingType, serverName, usage }: ServerTrust): readonly ResourceNode[] => [
  single(SecurityResource.ServerPublicKey, publicKey),
  ...(matchingType === undefined ? [] : [single(SecurityResource.MatchingType, matchingType)]),
  ...(serverName === undefined ? [] : [single(SecurityResource.ServerName, serverName)]),
  ...(usage === undefined ? [] : [single(SecurityResource.CertificateUsage, usage)]),
];

const trustOf = (credential: DeviceCredential | undefined): ServerTrust | undefined => (credential === undefined || isPsk(credential) ? undefined : credential.trust);

const withResources = (node: InstanceNode, resources: readonly ResourceNode[]): InstanceNode => resources.reduce(withResource, node);

/** A Security instance of an account, with its credential where it is secured and has one. */
function security(id: number, isBootstrap: boolean, { uri, psk, credential = psk, trust = trustOf(credential), cipherSuites }: AccountSecuritySpec, last: ResourceNode): InstanceNode {
  const plainInstance = instance(id, [
    single(SecurityResource.ServerUri, uri),
    single(SecurityResource.BootstrapServer, isBootstrap),
    single(SecurityResource.SecurityMode, isSecured(uri) ? SecurityMode.Psk : SecurityMode.NoSec),
    single(SecurityResource.PublicKeyOrIdentity, nothing),
    single(SecurityResource.ServerPublicKey, nothing),
    single(SecurityResource.SecretKey, nothing),
    last,
  ]);
  if (!isSecured(uri)) return plainInstance;
  return withResources(plainInstance, [
    ...(credential === undefined ? [] : ownResources(credential)),
    ...(trust === undefined ? [] : trustResources(trust)),
    ...(cipherSuites === undefined ? [] : [multiple(SecurityResource.CipherSuite, cipherSuites.map((suite, at): [number, number] => [at, suite]))]),
  ]);
}

const bootstrapSecurity = (spec: BootstrapAccountSpec): InstanceNode => security(spec.securityInstance ?? 0, true, spec, single(SecurityResource.ClientHoldOffTime, spec.holdOff ?? 0));

const serverSecurity = (spec: ServerAccountSpec, id: number): InstanceNode => security(id, false, spec, single(SecurityResource.ShortServerId, spec.shortServerId));

function serverInstance(spec: ServerAccountSpec, id: number): InstanceNode {
  const further = Object.entries(spec.resources ?? {}).map(([resource, value]) => single(Number(resource), value));
  const usual: ResourceNode[] = [
    single(ServerResource.ShortServerId, spec.shortServerId),
    single(ServerResource.Lifetime, spec.lifetime),
    single(ServerResource.NotificationStoring, true),
    single(ServerResource.Binding, spec.binding ?? "U"),
  ];
  const resources = [...usual.filter(({ id: known }) => spec.resources?.[known] === undefined), ...further];
  return instance(id, resources.sort((a, b) => a.id - b.id));
}

const accessControl = (spec: AccessControlSpec, id: number): InstanceNode =>
  instance(id, [
    single(AccessControlResource.ObjectId, spec.object),
    single(AccessControlResource.ObjectInstanceId, spec.instance),
    multiple(
      AccessControlResource.Acl,
      Object.entries(spec.rights).map(([server, rights]): [number, number] => [Number(server), rights]),
    ),
    single(AccessControlResource.Owner, spec.owner),
  ]);

type FactorySpec = Pick<DeviceSpec, "bootstrap" | "servers" | "accessControl" | "temperatures">;

function build(spec: FactorySpec): Objects {
  let objects: Objects = [...plain, ...Array.from({ length: spec.temperatures ?? 1 }, (_, id) => temperature(id))];
  const add = (object: number, node: InstanceNode): void => {
    objects = withInstance(objects, object, node);
  };
  if (spec.bootstrap !== undefined) add(ObjectId.Security, bootstrapSecurity(spec.bootstrap));
  for (const account of spec.servers ?? []) {
    add(ObjectId.Security, serverSecurity(account, account.securityInstance ?? freeInstance(objects, ObjectId.Security)));
    add(ObjectId.Server, serverInstance(account, account.serverInstance ?? freeInstance(objects, ObjectId.Server)));
  }
  for (const entry of spec.accessControl ?? []) add(ObjectId.AccessControl, accessControl(entry, freeInstance(objects, ObjectId.AccessControl)));
  return objects;
}

/** The contents with a device's own keys in the accounts that have none: all else stays shared. */
function withCredentials(objects: Objects, { bootstrap, server }: NonNullable<DeviceSpec["credentials"]>): Objects {
  return objects.map((stored) => {
    const { object, node } = stored;
    if (object !== ObjectId.Security || !isSecured(textOf(node, SecurityResource.ServerUri) ?? "") || holdsKey(node)) return stored;
    const credential = isBootstrapAccount(node) ? bootstrap : server;
    if (credential === undefined) return stored;
    const trust = (bytesOf(node, SecurityResource.ServerPublicKey)?.length ?? 0) === 0 ? trustOf(credential) : undefined;
    return { object, node: withResources(node, [...ownResources(credential), ...(trust === undefined ? [] : trustResources(trust))]) };
  });
}

/** Makes factory contents; specs that share their parts (a fleet's) share the content too. */
export class Factory {
  #spec: FactorySpec | undefined;
  #objects: Objects = [];

  objectsOf(spec: FactorySpec & Pick<DeviceSpec, "credentials">): Objects {
    const shared = this.#sharedObjectsOf(spec);
    return spec.credentials === undefined ? shared : withCredentials(shared, spec.credentials);
  }

  #sharedObjectsOf(spec: FactorySpec): Objects {
    const last = this.#spec;
    const same =
      last !== undefined && last.bootstrap === spec.bootstrap && last.servers === spec.servers && last.accessControl === spec.accessControl && last.temperatures === spec.temperatures;
    if (!same) {
      this.#objects = build(spec);
      this.#spec = spec;
    }
    return this.#objects;
  }
}
