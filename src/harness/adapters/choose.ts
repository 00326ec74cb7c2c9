import type { Clock } from "../../ports/index.js";
import type { SteeredFile } from "../targets/steered.js";
import { AdapterError, type AdapterFacts, type BootstrapAdapter, type ServerAdapter } from "./adapter.js";
import { TemplateBootstrapServer, templateBootstrapFacts } from "./http-template/bootstrap.js";
import { TemplateServer, templateServerFacts } from "./http-template/server.js";
import { leshanBootstrapFacts, LeshanBootstrapServer } from "./leshan/bootstrap.js";
import { LeshanServer, leshanServerFacts } from "./leshan/server.js";
import { ManualAdapter, manualFacts, type Ask } from "./manual/manual.js";

/** What an entry of a target file says of its adapter, before anything is started. */
export function factsOf(entry: SteeredFile, role: "lwm2m-server" | "bootstrap-server", interactive: boolean): AdapterFacts {
  const facts = factsByAdapter(entry, role, interactive);
  const formats = entry.capabilities?.formats;
  return formats === undefined ? facts : { ...facts, formats: new Set(formats.filter((format) => facts.formats?.has(format) ?? true)) };
}

function factsByAdapter(entry: SteeredFile, role: "lwm2m-server" | "bootstrap-server", interactive: boolean): AdapterFacts {
  switch (entry.adapter) {
    case "leshan":
      return role === "lwm2m-server" ? leshanServerFacts(entry.dialect) : leshanBootstrapFacts();
    case "http-template":
      return "configure" in entry.calls ? templateBootstrapFacts(entry.lacks) : templateServerFacts(entry.calls, entry.lacks);
    case "manual":
      return manualFacts(interactive);
  }
}

/** What adapters are made with. */
export interface AdapterMeans {
  readonly clock: Clock;
  /** Values of what an entry names environment variables for. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly ask: Ask | undefined;
}

/** The adapter of an entry whose ports are filled in. */
export const adapterFor = {
  server(entry: SteeredFile, { clock, secrets, ask }: AdapterMeans): ServerAdapter {
    switch (entry.adapter) {
      case "leshan":
        return new LeshanServer({ url: entry.api, dialect: entry.dialect });
      case "http-template":
        if ("configure" in entry.calls) throw new AdapterError("these are the calls of a Bootstrap Server");
        return new TemplateServer({ api: entry.api, file: entry, calls: entry.calls, secrets, clock });
      case "manual":
        return new ManualAdapter(entry.coap, ask, entry.patience);
    }
  },
  bootstrapServer(entry: SteeredFile, { clock, secrets, ask }: AdapterMeans): BootstrapAdapter {
    switch (entry.adapter) {
      case "leshan":
        return new LeshanBootstrapServer({ url: entry.api });
      case "http-template":
        if (!("configure" in entry.calls)) throw new AdapterError("these are the calls of a LwM2M Server");
        return new TemplateBootstrapServer({ api: entry.api, file: entry, calls: entry.calls, secrets, clock });
      case "manual":
        return new ManualAdapter(entry.coap, ask, entry.patience);
    }
  },
};
