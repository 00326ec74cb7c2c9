import { z } from "zod";

/** What this stack has not; nothing was sent. */
export class NotSupported extends Error {}

const psk = z.object({ identity: z.string(), key: z.string() }).transform(({ identity, key }) => ({ identity: Buffer.from(identity, "hex"), key: Buffer.from(key, "hex") }));
const schema = z.object({
  endpoint: z.string(),
  lwm2m: z.string(),
  personality: z.string(),
  deviations: z.record(z.string(), z.unknown()).default({}),
  bootstrap: z.object({ uri: z.string(), psk: psk.optional(), holdOff: z.int().default(0), securityInstance: z.int().default(0) }).optional(),
  servers: z
    .array(
      z.object({
        uri: z.string(),
        psk: psk.optional(),
        shortServerId: z.int(),
        lifetime: z.int(),
        securityInstance: z.int().optional(),
        serverInstance: z.int().optional(),
        binding: z.string().default("U"),
        resources: z.record(z.string(), z.unknown()).default({}),
      }),
    )
    .default([]),
  accessControl: z.array(z.object({ object: z.int(), instance: z.int(), owner: z.int(), rights: z.record(z.string(), z.int()) })).default([]),
  temperatures: z.int().default(1),
  queueMode: z.boolean().default(false),
});
export type Spec = z.output<typeof schema>;

/** A `DeviceSpec` with keys in hex, as it comes over the pipe. */
export function specOf(json: unknown): Spec {
  const spec = schema.parse(json);
  const refuse = (what: string): never => {
    throw new NotSupported(what);
  };
  if (spec.lwm2m !== "1.0") refuse("Wakaama's npm client speaks LwM2M 1.0");
  if (spec.personality !== "default" && spec.personality !== "wakaama-like") refuse(`Wakaama's npm client is no ${spec.personality}`);
  if (Object.keys(spec.deviations).length > 0) refuse("Wakaama's npm client cannot be made to deviate");
  if (spec.queueMode) refuse("Wakaama's npm client sends the binding it was given and listens all the time");
  if (spec.servers.some(({ resources }) => Object.keys(resources).length > 0)) refuse("what LwM2M 1.1 added to the Server object means nothing to Wakaama's npm client");
  return spec;
}
