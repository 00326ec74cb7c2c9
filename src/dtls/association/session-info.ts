import { kept } from "../crypto/primitives.js";
import type { SessionSecrets } from "../handshake/steps.js";
import type { SessionInfo } from "../types.js";

export function sessionInfo(session: SessionSecrets): SessionInfo {
  const { suite, sessionId, master, extendedMasterSecret, encryptThenMac, resumed, identity, serverName, connectionIds } = session;
  return {
    suite: suite.name,
    resumed,
    extendedMasterSecret,
    encryptThenMac,
    identity,
    serverName,
    connectionIds,
    resumption: sessionId.length === 0 ? undefined : { sessionId: kept(sessionId), masterSecret: master, suite: suite.name, extendedMasterSecret, encryptThenMac },
  };
}
