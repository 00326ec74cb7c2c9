import type { Attributes, Path } from "../../src/lwm2m/index.js";
import { formatPath } from "../../src/lwm2m/index.js";

/** Attributes attached by Write-Attributes: each Server has its own (LwM2M Core 1.1 §5.1.1). Most devices never have any. */
export class AttributeBook {
  readonly #entries = new Map<string, Attributes>();

  get(shortServerId: number, at: Path): Attributes | undefined {
    return this.#entries.get(key(shortServerId, at));
  }

  set(shortServerId: number, at: Path, attributes: Attributes): void {
    if (Object.keys(attributes).length === 0) this.#entries.delete(key(shortServerId, at));
    else this.#entries.set(key(shortServerId, at), attributes);
  }

  /** What is attached at each level above and at the path, outermost first. */
  levels(shortServerId: number, { object, instance, resource, resourceInstance }: Path): (Attributes | undefined)[] {
    if (object === undefined) return [];
    const levels = [this.get(shortServerId, { object })];
    if (instance === undefined) return levels;
    levels.push(this.get(shortServerId, { object, instance }));
    if (resource === undefined) return levels;
    levels.push(this.get(shortServerId, { object, instance, resource }));
    if (resourceInstance !== undefined) levels.push(this.get(shortServerId, { object, instance, resource, resourceInstance }));
    return levels;
  }

  forget(shortServerId: number): void {
    for (const entry of [...this.#entries.keys()]) if (entry.startsWith(`${shortServerId} `)) this.#entries.delete(entry);
  }
}

const key = (shortServerId: number, at: Path): string => `${shortServerId} ${formatPath(at)}`;
