import type { DatagramTap, Endpoint, EndpointCounters } from "../../src/coap/index.js";
import type { DtlsTiming } from "../../src/config/index.js";
import type { ClientSettings } from "../../src/dtls/index.js";
import type { Address, Ports, Trace } from "../../src/ports/index.js";
import { parseCoapUri, type RecordTap, type UdpEndpoint } from "../../src/transport/index.js";
import { ObjectListCache } from "./announce.js";
import type { Device } from "./device.js";
import { Factory } from "./factory.js";
import { Lingering } from "./lingering.js";
import { InstanceCache, SharedBytes } from "./objects.js";
import type { FleetState } from "./snapshot.js";

/** What a device times, in milliseconds of its clock; see `operations` of the fleet for where each begins and ends. */
export type Measure = "handshake" | "bootstrap" | "register" | "update" | "deregister" | "trigger-to-bootstrap" | "start-to-registered" | "recovery";

/** Who runs devices and counts what they do. Called on the hot path. */
export interface DeviceListener {
  onState(device: Device, from: FleetState, to: FleetState): void;
  onMeasure(device: Device, measure: Measure, milliseconds: number): void;
  /** A bootstrap or registration was given up. */
  onFailure(device: Device, reason: string): void;
}

/** Where datagrams and states of traced devices go, filed under the endpoint name (the peer's label). The operator API's `TraceLog` is one. */
export interface DeviceTrace extends Trace {
  /** For a socket bound at `local`. */
  tapFor(local: Address): DatagramTap | undefined;
  /** For the records of a secured one, filed under `endpoint`. */
  recordTapFor(local: Address, endpoint: string): RecordTap | undefined;
}

export const silentListener: DeviceListener = { onState: () => {}, onMeasure: () => {}, onFailure: () => {} };

/** What the accounts and the spec of a device have to say about its handshakes. */
export interface DtlsWishes extends Pick<{ readonly [Key in keyof ClientSettings]: ClientSettings[Key] | undefined }, "connectionIdLength" | "serverName" | "suites"> {
  readonly timing: DtlsTiming | undefined;
}

/** What all devices of a thread share. */
export class DeviceHost {
  readonly factory = new Factory();
  readonly instances = new InstanceCache();
  readonly serverKeys = new SharedBytes();
  readonly objectLists = new ObjectListCache();
  readonly #addresses = new Map<string, ReturnType<typeof parseCoapUri>>();

  readonly lingering: Lingering;
  openSockets = 0;
  /** Sockets that the system did not give: the generator's own failure. */
  refusedSockets = 0;
  /** Of sockets that are closed; see `countersOf` for those that are open. */
  readonly closedSockets: EndpointCounters = { datagramsIn: 0, datagramsOut: 0, retransmissions: 0, duplicates: 0, malformed: 0, timeouts: 0, resets: 0, strayResponses: 0 };

  constructor(
    readonly ports: Ports,
    readonly listener: DeviceListener = silentListener,
    readonly trace?: DeviceTrace,
    /** Short memory for the datagrams of devices that are not traced; undefined costs nothing. */
    readonly recorder?: Pick<DeviceTrace, "tapFor" | "recordTapFor">,
    /** Takes the key log of every session, when somebody asked for one. */
    readonly keyLog?: (line: string) => void,
  ) {
    this.lingering = new Lingering(ports.clock, (endpoint) => this.closeSocket(endpoint));
  }

  readonly #dtlsSettings = new Map<DtlsTiming | undefined, Map<string, ClientSettings>>();

  /** One object for all devices of the same times and wishes. */
  dtlsSettings({ timing, connectionIdLength, serverName, suites }: DtlsWishes): ClientSettings {
    const known = this.#dtlsSettings.get(timing) ?? new Map<string, ClientSettings>();
    const key = `${connectionIdLength ?? ""} ${suites?.join() ?? ""} ${serverName ?? ""}`;
    let settings = known.get(key);
    if (settings === undefined) {
      settings = {
        ...(timing === undefined ? {} : { retransmission: timing }),
        ...(this.keyLog === undefined ? {} : { keyLog: this.keyLog }),
        ...(connectionIdLength === undefined ? {} : { connectionIdLength }),
        ...(serverName === undefined ? {} : { serverName }),
        ...(suites === undefined ? {} : { suites }),
      };
      if (this.#dtlsSettings.size >= 256) this.#dtlsSettings.clear();
      if (known.size >= 256) known.clear();
      this.#dtlsSettings.set(timing, known.set(key, settings));
    }
    return settings;
  }

  /** What the kernel granted the last socket, bytes. */
  receiveBuffer: number | undefined = undefined;

  socketOpened({ receiveBuffer }: UdpEndpoint): void {
    this.openSockets++;
    this.receiveBuffer = receiveBuffer;
  }

  closeSocket(endpoint: Endpoint): void {
    this.openSockets--;
    addCounters(this.closedSockets, endpoint.counters);
    void endpoint.close();
  }

  /** Throws when the text is no CoAP URI. */
  addressOf(uri: string): ReturnType<typeof parseCoapUri> {
    let address = this.#addresses.get(uri);
    if (address === undefined) {
      address = parseCoapUri(uri);
      if (this.#addresses.size >= 4096) this.#addresses.clear();
      this.#addresses.set(uri, address);
    }
    return address;
  }
}

export function addCounters(into: EndpointCounters, counters: Readonly<EndpointCounters>): void {
  into.datagramsIn += counters.datagramsIn;
  into.datagramsOut += counters.datagramsOut;
  into.retransmissions += counters.retransmissions;
  into.duplicates += counters.duplicates;
  into.malformed += counters.malformed;
  into.timeouts += counters.timeouts;
  into.resets += counters.resets;
  into.strayResponses += counters.strayResponses;
}
