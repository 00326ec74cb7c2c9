import { describe, expect, it } from "vitest";
import { OperatorError } from "../../operator/index.js";
import { SmpUnreachableError } from "../../smp/index.js";
import { referenceTarget, type Target } from "../targets/index.js";
import { unansweredBy } from "./unanswered.js";

const vendors: Target = {
  ...referenceTarget,
  bootstrapServer: { kind: "running", uris: { nosec: "coap://10.0.0.1" }, secondUris: {}, smp: "http://10.0.0.1", operator: { url: "http://10.0.0.1", token: "token-of-an-operator" }, forwardSecondCoap: false, without: [] },
};

describe("an error of a call to a role", () => {
  it.each([
    ["no answer of its operator API", new OperatorError("http://10.0.0.1 did not answer")],
    ["no answer to the LwM2M Server that passes a call on", new OperatorError("POST /smp/requests was answered 502", 502)],
    ["no answer of its SMP API", new SmpUnreachableError("createTrigger", "connection", undefined)],
  ])("says that a role of the target is not there: %s", (_what, error) => {
    expect(unansweredBy(error, vendors)).toBe(error.message);
  });

  it("is our own where every role is a reference", () => {
    expect(unansweredBy(new OperatorError("did not answer"), referenceTarget)).toBeUndefined();
  });

  it.each([["an answer that is a refusal", new OperatorError("answered 500", 500)], ["anything else", new TypeError("oops")]])("is our own for %s", (_what, error) => {
    expect(unansweredBy(error, vendors)).toBeUndefined();
  });
});
