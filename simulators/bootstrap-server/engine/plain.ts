import { matchesPattern, plainKey } from "../../../src/config/index.js";
import type { BootstrapEntry, PlainBootstrap } from "../../../src/config/index.js";
import { ContentFormat } from "../../../src/coap/index.js";
import { encodeContent, instance, multiple, objectDefinition, parsePath, pathSegments, single } from "../../../src/lwm2m/index.js";
import { encodeAccount, grantsOf, plainValues } from "../account-objects.js";
import type { ResourceWrite, WantedAccount } from "../plan.js";
import type { Plants } from "../plants.js";

/** A plain configuration, encoded once for every device it fits. */
export interface PlainWish {
  readonly configuration: PlainBootstrap;
  readonly accounts: readonly Omit<WantedAccount, "mode">[];
  readonly resources: readonly ResourceWrite[];
}

function compile(configuration: PlainBootstrap, plants: Plants): PlainWish {
  const shift = plants.has("wrong-ssid") ? 1 : 0;
  return {
    configuration,
    accounts: configuration.accounts.map((account) => {
      const values = plainValues(account);
      return { ssid: values.ssid, uri: values.uri, payload: encodeAccount({ ...values, ssid: values.ssid + shift }, plainKey(account)), grants: grantsOf(account.acl) };
    }),
    resources: configuration.writes.map((write) => ("value" in write ? resourceWrite(write.path, write.value) : instanceWrite(write.path, write.resources))),
  };
}

type PlainValue = string | number | boolean;

function resourceWrite(text: string, value: PlainValue): ResourceWrite {
  const path = parsePath(text);
  const definition = path.object === undefined ? undefined : objectDefinition(path.object);
  const payload = encodeContent(ContentFormat.Tlv, path, single(path.resource ?? 0, value), definition ?? "1.1");
  return { path: pathSegments(path), contentFormat: ContentFormat.Tlv, payload };
}

function instanceWrite(text: string, resources: Readonly<Record<string, PlainValue | Readonly<Record<string, PlainValue>>>>): ResourceWrite {
  const path = parsePath(text);
  const definition = path.object === undefined ? undefined : objectDefinition(path.object);
  const nodes = Object.entries(resources).map(([id, value]) => (typeof value === "object" ? multiple(Number(id), Object.entries(value).map(([at, one]): [number, PlainValue] => [Number(at), one])) : single(Number(id), value)));
  return { path: pathSegments(path), contentFormat: ContentFormat.Tlv, payload: encodeContent(ContentFormat.Tlv, path, instance(path.instance ?? 0, nodes), definition ?? "1.1") };
}

/** Plain bootstrap configurations: from the configuration file by pattern, and from the operator for one endpoint. */
export class PlainBootstraps {
  readonly #patterns: readonly { readonly pattern: string; readonly wish: PlainWish }[];
  /** Entries whose pattern is an endpoint name, so that a file of thousands costs one look. */
  readonly #names = new Map<string, PlainWish>();
  readonly #byOperator = new Map<string, PlainWish>();
  readonly #configured: ReadonlySet<number>;

  constructor(
    entries: readonly BootstrapEntry[],
    private readonly plants: Plants,
  ) {
    const patterns: { pattern: string; wish: PlainWish }[] = [];
    for (const { endpoint, ...configuration } of entries) {
      const wish = compile(configuration, plants);
      if (endpoint.includes("*")) patterns.push({ pattern: endpoint, wish });
      // The first entry that fits is used; a pattern before this name would win.
      else if (!this.#names.has(endpoint) && !patterns.some(({ pattern }) => matchesPattern(pattern, endpoint))) this.#names.set(endpoint, wish);
    }
    this.#patterns = patterns;
    this.#configured = new Set(entries.flatMap(({ accounts }) => accounts.map(({ shortServerId }) => shortServerId)));
  }

  of(endpoint: string): PlainWish | undefined {
    return this.#byOperator.get(endpoint) ?? this.#names.get(endpoint) ?? this.#patterns.find(({ pattern }) => matchesPattern(pattern, endpoint))?.wish;
  }

  /** Throws `ContentError` for a resource value that does not fit its type. */
  set(endpoint: string, configuration: PlainBootstrap): void {
    this.#byOperator.set(endpoint, compile(configuration, this.plants));
  }

  /** Takes away what the operator set; the configuration file's entry counts again. */
  remove(endpoint: string): boolean {
    return this.#byOperator.delete(endpoint);
  }

  shortServerIds(): ReadonlySet<number> {
    return new Set([...this.#configured, ...[...this.#byOperator.values()].flatMap(({ accounts }) => accounts.map(({ ssid }) => ssid))]);
  }
}
