/** Where in the object tree: as many levels as are there. */
export interface Path {
  readonly object?: number;
  readonly instance?: number;
  readonly resource?: number;
  readonly resourceInstance?: number;
}

/** `/1/0/9`; undefined for anything that is no path of the object tree. */
export function parsePath(text: string): Path | undefined {
  const segments = text.split("/").filter((segment) => segment !== "");
  if (segments.length > 4 || !segments.every((segment) => /^(0|[1-9]\d{0,4})$/.test(segment) && Number(segment) <= 0xffff)) return undefined;
  const [object, instance, resource, resourceInstance] = segments.map(Number);
  return {
    ...(object === undefined ? {} : { object }),
    ...(instance === undefined ? {} : { instance }),
    ...(resource === undefined ? {} : { resource }),
    ...(resourceInstance === undefined ? {} : { resourceInstance }),
  };
}

const levels = ({ object, instance, resource, resourceInstance }: Path): number[] => [object, instance, resource, resourceInstance].filter((id) => id !== undefined);

export const formatPath = (path: Path): string => `/${levels(path).join("/")}`;

/** One of the two lies on the way to the other. */
export function related(a: Path, b: Path): boolean {
  const [one, other] = [levels(a), levels(b)];
  return one.slice(0, other.length).every((id, level) => other[level] === id);
}
