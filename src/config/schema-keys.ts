import { z } from "zod";

/** The keys a schema knows at a path, to suggest the right one for a wrong one. */
export function knownKeys(schema: z.ZodType, path: readonly PropertyKey[]): readonly string[] {
  let here: unknown = schema;
  for (const step of path) here = child(unwrapped(here), step);
  const found = unwrapped(here);
  if (found instanceof z.ZodObject) return Object.keys(found.shape);
  if (found instanceof z.ZodUnion) return found.options.flatMap((option) => (option instanceof z.ZodObject ? Object.keys(option.shape) : []));
  return [];
}

function child(schema: unknown, step: PropertyKey): unknown {
  if (schema instanceof z.ZodObject) return (schema.shape as Record<PropertyKey, unknown>)[step];
  if (schema instanceof z.ZodArray) return schema.element;
  if (schema instanceof z.ZodRecord) return schema.valueType;
  if (schema instanceof z.ZodUnion) return schema.options.map((option) => child(option, step)).find((found) => found !== undefined);
  return undefined;
}

function unwrapped(schema: unknown): unknown {
  let here = schema;
  while (here instanceof z.ZodOptional || here instanceof z.ZodDefault || here instanceof z.ZodPipe) here = here instanceof z.ZodPipe ? here.in : here.unwrap();
  return here;
}
