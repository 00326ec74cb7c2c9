import type { LeshanFile } from "../targets/steered.js";
import type { AdapterFacts, BootstrapAdapter, ServerAdapter } from "./adapter.js";
import { leshanBootstrapFacts, LeshanBootstrapServer } from "./leshan/bootstrap.js";
import { LeshanServer, leshanServerFacts } from "./leshan/server.js";

/** What an entry of a target file says of its adapter, before anything is started. */
export function factsOf(entry: LeshanFile, role: "lwm2m-server" | "bootstrap-server"): AdapterFacts {
  const facts = role === "lwm2m-server" ? leshanServerFacts(entry.dialect) : leshanBootstrapFacts();
  const formats = entry.capabilities?.formats;
  return formats === undefined ? facts : { ...facts, formats: new Set(formats.filter((format) => facts.formats?.has(format) ?? true)) };
}

/** The adapter of an entry whose ports are filled in. */
export const adapterFor = {
  server: (entry: LeshanFile): ServerAdapter => new LeshanServer({ url: entry.api, dialect: entry.dialect }),
  bootstrapServer: (entry: LeshanFile): BootstrapAdapter => new LeshanBootstrapServer({ url: entry.api }),
};
