import { ObjectId, single, type Path } from "../../src/lwm2m/index.js";
import { findInstance, findResource, textOf, withInstance, withResource, type Objects } from "./objects.js";

const Resource = { Package: 0, PackageUri: 1, State: 3, Result: 5 } as const;
export const FirmwareState = { Idle: 0, Downloading: 1, Downloaded: 2, Updating: 3 } as const;
const succeeded = 1;

/** /5/0 after a package or its URI was written: the states of an update without one (LwM2M Core 1.1 appendix E.6). An empty value resets it. */
export function firmwareAfterWrite(objects: Objects, at: Path): Objects {
  if (at.object !== ObjectId.FirmwareUpdate) return objects;
  const node = findInstance(objects, ObjectId.FirmwareUpdate, 0);
  if (node === undefined) return objects;
  const packaged = findResource(node, Resource.Package);
  const bytes = packaged?.kind === "resource" && packaged.value instanceof Uint8Array ? packaged.value.length : 0;
  const loaded = bytes > 1 || (textOf(node, Resource.PackageUri) ?? "") !== "";
  // The package itself is not kept: ten thousand devices would keep it ten thousand times.
  const light = packaged === undefined ? node : { ...node, resources: node.resources.filter((resource) => resource !== packaged) };
  const next = withResource(withResource(light, single(Resource.State, loaded ? FirmwareState.Downloaded : FirmwareState.Idle)), single(Resource.Result, 0));
  return withInstance(objects, ObjectId.FirmwareUpdate, next);
}

/** /5/0 after the update was carried out; undefined when there is nothing to carry out. */
export function firmwareAfterUpdate(objects: Objects): Objects | undefined {
  const node = findInstance(objects, ObjectId.FirmwareUpdate, 0);
  const state = node === undefined ? undefined : findResource(node, Resource.State);
  if (node === undefined || state?.kind !== "resource" || state.value !== FirmwareState.Downloaded) return undefined;
  const next = withResource(withResource(node, single(Resource.State, FirmwareState.Idle)), single(Resource.Result, succeeded));
  return withInstance(objects, ObjectId.FirmwareUpdate, next);
}
