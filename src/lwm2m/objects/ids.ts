/** Objects of the enabler itself. */
export const ObjectId = { Security: 0, Server: 1, AccessControl: 2, Device: 3, ConnectivityMonitoring: 4, FirmwareUpdate: 5, Location: 6, ConnectivityStatistics: 7, Oscore: 21 } as const;

/** Resources of the Security object, /0. */
export const SecurityResource = {
  ServerUri: 0,
  BootstrapServer: 1,
  SecurityMode: 2,
  PublicKeyOrIdentity: 3,
  ServerPublicKey: 4,
  SecretKey: 5,
  ShortServerId: 10,
  ClientHoldOffTime: 11,
  BootstrapServerAccountTimeout: 12,
  MatchingType: 13,
  ServerName: 14,
  CertificateUsage: 15,
  CipherSuite: 16,
} as const;

/** Values of /0/x/2. */
export const SecurityMode = { Psk: 0, RawPublicKey: 1, Certificate: 2, NoSec: 3, Est: 4 } as const;

/** Resources of the Server object, /1. */
export const ServerResource = {
  ShortServerId: 0,
  Lifetime: 1,
  DefaultMinimumPeriod: 2,
  DefaultMaximumPeriod: 3,
  Disable: 4,
  DisableTimeout: 5,
  NotificationStoring: 6,
  Binding: 7,
  RegistrationUpdateTrigger: 8,
  BootstrapRequestTrigger: 9,
  TlsAlertCode: 11,
  RegistrationPriorityOrder: 13,
  InitialRegistrationDelayTimer: 14,
  RegistrationFailureBlock: 15,
  BootstrapOnRegistrationFailure: 16,
  CommunicationRetryCount: 17,
  CommunicationRetryTimer: 18,
  CommunicationSequenceDelayTimer: 19,
  CommunicationSequenceRetryCount: 20,
  Trigger: 21,
} as const;

/** Resources of the Access Control object, /2. */
export const AccessControlResource = { ObjectId: 0, ObjectInstanceId: 1, Acl: 2, Owner: 3 } as const;
