import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { packageRoot, realFiles } from "../ports/real/index.js";
import { contract, isNode, operationIds } from "./contract.js";
import { problemTypes, problemTypeUri } from "./problem.js";
import { limitsOf } from "./testing/bounds.js";
import { bodyLimit, bootstrapServerRoutes, lwm2mServerRoutes, smpPrefix } from "./routes.js";
import type { Route } from "./routes.js";
import { answerFault, readAnswer, readProblem, validRequest } from "./validation.js";

describe("openapi.yaml", () => {
  const problemStatuses = ["400", "401", "403", "404", "409", "412", "413", "422", "428", "429", "503", "default"];

  it.each(operationIds)("gives %s a tag, an example of each body, and problem answers", (id) => {
    const operation = contract().operations[id];
    expect(operation.apis.length).toBeGreaterThan(0);
    if (operation.body !== undefined) expect(Object.keys(operation.body.examples)).not.toEqual([]);
    for (const answer of Object.values(operation.answers)) if (answer.schema !== undefined) expect(Object.keys(answer.examples)).not.toEqual([]);
    expect(Object.keys(operation.answers).filter((status) => problemStatuses.includes(status))).toEqual(expect.arrayContaining(["401", "429", "default"]));
    if (operation.parameters.length > 0 || operation.body !== undefined) expect(operation.answers["400"]).toBeDefined();
    if (operation.body !== undefined) expect(operation.answers["413"]).toBeDefined();
    if (operation.path.includes("{")) expect(operation.answers["404"]).toBeDefined();
    if (operation.parameters.some(({ name }) => name === "If-Match")) expect(Object.keys(operation.answers)).toEqual(expect.arrayContaining(["412", "428"]));
    if (operation.method === "POST") expect(operation.parameters.map(({ name }) => name)).toContain("Idempotency-Key");
  });

  it.each(operationIds)("has examples of %s that validate", (id) => {
    const operation = contract().operations[id];
    for (const [name, body] of Object.entries(operation.body?.examples ?? {})) {
      const judged = () => validRequest(id, { ...addressed(id), body: structuredClone(body) });
      expect(judged, `${id} ${name}`).not.toThrow();
    }
    for (const [status, answer] of Object.entries(operation.answers)) {
      for (const [name, body] of Object.entries(answer.examples)) {
        const of = status === "default" ? (body as { status: number }).status : Number(status);
        expect(answerFault(id, of, body), `${id} ${status} ${name}`).toBeUndefined();
      }
    }
  });
});

describe("openapi.yaml and the code beside it", () => {
  it("has up-to-date generated types", async () => {
    const script = pathToFileURL(join(packageRoot, "scripts/generate-smp.mjs")).href;
    const { generateSmpTypes } = (await import(script)) as { generateSmpTypes: () => Promise<string> };
    expect(await realFiles.read(join(packageRoot, "src/smp/schema.generated.ts"))).toBe(await generateSmpTypes());
  });

  it("names the problem types that the code has", () => {
    const uris = Object.keys(problemTypes).map((type) => problemTypeUri(type as keyof typeof problemTypes));
    const schema = contract().schemas["ProblemTypeUri"];
    expect(isNode(schema) ? schema["enum"] : undefined).toEqual([...uris, "about:blank"]);
  });

  it("agrees with the routes on methods, paths, sizes and conditions", () => {
    const routes: Readonly<Record<string, Route>> = { ...bootstrapServerRoutes, ...lwm2mServerRoutes };
    expect(Object.keys(routes).sort()).toEqual([...operationIds].sort());
    for (const id of operationIds) {
      const operation = contract().operations[id];
      const route = routes[id]!;
      expect([route.method, smpPrefix + route.path, route.conditional ?? false]).toEqual([operation.method, operation.path, operation.parameters.some(({ name }) => name === "If-Match")]);
      if (operation.body !== undefined) expect(route.maxBodyBytes ?? bodyLimit).toBe(operation.body.maxBytes);
    }
  });

  it("bounds every text, number and list that a request can hold", () => {
    const unbounded = operationIds.flatMap((id) => {
      const { body, parameters } = contract().operations[id];
      const schemas: readonly (readonly [string, unknown])[] = [...parameters.map(({ name, schema }) => [name, schema] as const), ...(body === undefined ? [] : [["body", body.schema] as const])];
      return schemas.flatMap(([name, schema]) => limitsOf(schema).map((where) => `${id} ${name}${where}`));
    });
    expect(unbounded).toEqual([]);
  });
});

describe("an answer", () => {
  const credential = { ep: "ab-1", credentialId: "cr-1", version: 1, ssid: 201, mode: "psk", state: "active", sessionPolicy: "close-on-revoke", stagedAt: "2026-11-22T09:00:00Z", updatedAt: "2026-11-22T09:00:00Z" };
  const notFound = { type: "urn:smp:problem:not-found", title: "Not found", status: 404 };

  it("may have members that this version does not know", () => {
    expect(answerFault("getCredential", 200, { ...credential, colour: "blue" })).toBeUndefined();
  });

  it("with a secret is at fault, wherever the secret stands", () => {
    expect(answerFault("getCredential", 200, { ...credential, secret: "AAECAwQ" })).toBe("/secret is a secret and must not be in an answer");
    expect(answerFault("listCredentials", 200, { credentials: [credential, { ...credential, secret: "AAECAwQ" }] })).toBe("/credentials/1/secret is a secret and must not be in an answer");
  });

  it("of a status that the operation does not know is at fault", () => {
    expect(answerFault("getCredential", 206, credential)).toBe("status 206 is none of 200, 400, 401, 404, 429");
    expect(answerFault("getCredential", 500, { type: "about:blank", title: "Internal error", status: 500 })).toBeUndefined();
  });

  it("has a body exactly where one belongs", () => {
    expect(answerFault("activateCredential", 204, undefined)).toBeUndefined();
    expect(answerFault("activateCredential", 204, {})).toBe("body is not expected");
    expect(answerFault("getCredential", 200, undefined)).toBe("body is missing");
    expect(answerFault("getCredential", 404, "<html>")).toBe("body must be an object, not a string");
  });

  it("is a problem whose status and type are those of the answer", () => {
    expect(answerFault("getCredential", 404, notFound)).toBeUndefined();
    expect(answerFault("getCredential", 401, notFound)).toBe("/status is not the status of the answer, 401");
    expect(answerFault("getCredential", 401, { ...notFound, status: 401 })).toBe("/type not-found goes with status 404");
  });

  it("has the headers that its operation asks for", () => {
    const account = contract().operations.createAccount.answers["201"]?.examples["account"];
    expect(answerFault("createAccount", 201, account, { location: "/smp/v1/accounts/acc-b-1" })).toBe("header etag is missing");
    expect(answerFault("createAccount", 201, account, { location: "/smp/v1/accounts/acc-b-1", etag: '"1"' })).toBeUndefined();
  });

  it("is read with its type, or with what is wrong", () => {
    expect(readAnswer("getCredential", 200, credential)).toEqual({ value: credential });
    expect(readAnswer("getCredential", 200, { ...credential, state: "lost" })).toEqual({ wrong: "/state must be one of staged, active, retiring, revoked, rolled-back" });
    expect(readProblem(notFound)).toEqual(notFound);
    expect(readProblem({ error: "no" })).toBeUndefined();
  });
});

/** Parameters that fit, for operations whose body is in question. */
function addressed(id: string): { path: Record<string, string>; query: Record<string, string> } {
  const parameters = contract().operations[id as keyof ReturnType<typeof contract>["operations"]].parameters.filter(({ required }) => required);
  const values: Record<string, string> = { ep: "urn:imei:000000000000001", accountId: "acc-b-1", orderId: "o-71", triggerId: "t-900", credentialId: "cr-9", version: "1" };
  const at = (place: string) => Object.fromEntries(parameters.filter((parameter) => parameter.place === place).map(({ name }) => [name, values[name] ?? ""]));
  return { path: at("path"), query: at("query") };
}
