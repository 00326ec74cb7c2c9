#!/usr/bin/env node
/**
 * Writes src/lwm2m/objects/registry.generated.ts from a JSON list of object definitions: ids, names, operations, types, ranges, units, every version.
 *
 *   node scripts/generate-objects.mjs <objects.json>
 *
 * The list holds { id, version, lwm2mVersion, name, multiple, mandatory, resources: [{ id, name, operations?, multiple, mandatory, type?, range?, units? }] }.
 */
import { readFileSync, writeFileSync } from "node:fs";

const source = process.argv[2];
if (source === undefined) {
  process.stderr.write("usage: node scripts/generate-objects.mjs <objects.json>\n");
  process.exit(2);
}
const types = ["String", "Integer", "Unsigned Integer", "Float", "Boolean", "Opaque", "Time", "Objlnk", "Corelnk"];
const operations = ["", "R", "W", "RW", "E"];

const text = (value) => JSON.stringify(value.trim().replaceAll(/\s+/g, " "));
const check = (condition, message) => {
  if (!condition) throw new Error(message);
};

function resourceRow(resource, where) {
  const what = `${where}, resource ${resource.id}`;
  check(resource.type === undefined || types.includes(resource.type), `${what}: type ${resource.type}`);
  check(operations.includes(resource.operations ?? ""), `${what}: operations ${resource.operations}`);
  check((resource.type === undefined) === (resource.operations === "E"), `${what}: only an executable resource has no type`);
  const fields = [resource.id, text(resource.name), JSON.stringify(resource.operations ?? ""), JSON.stringify(resource.type ?? ""), resource.multiple, resource.mandatory];
  if (resource.range !== undefined || resource.units !== undefined) fields.push(text(resource.range ?? ""));
  if (resource.units !== undefined) fields.push(text(resource.units));
  return `    [${fields.join(", ")}],`;
}

const objects = JSON.parse(readFileSync(source, "utf8"));
const order = (a, b) => a.id - b.id || Number(a.version) - Number(b.version);
const lines = [
  "// Written by scripts/generate-objects.mjs; do not edit.",
  'import type { ObjectFacts } from "./facts.js";',
  "",
  "export const objectFacts: readonly ObjectFacts[] = [",
];
for (const object of [...objects].sort(order)) {
  const where = `object ${object.id} ${object.version}`;
  lines.push(
    `  { id: ${object.id}, version: ${text(object.version)}, lwm2mVersion: ${text(object.lwm2mVersion)}, name: ${text(object.name)}, multiple: ${object.multiple}, mandatory: ${object.mandatory}, resources: [`,
    ...[...object.resources].sort((a, b) => a.id - b.id).map((resource) => resourceRow(resource, where)),
    "  ] },",
  );
}
lines.push("];", "");
writeFileSync(new URL("../src/lwm2m/objects/registry.generated.ts", import.meta.url), lines.join("\n"));
