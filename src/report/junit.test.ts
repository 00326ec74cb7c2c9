import { describe, expect, it } from "vitest";
import { junit } from "./junit.js";
import { failing, result, scenario } from "./testing/results.js";

describe("JUnit", () => {
  const text = junit(result([scenario(), failing, scenario({ id: "a", verdict: "inconclusive", reason: "precondition missing: x" }), scenario({ id: "b", verdict: "not-applicable", reason: "no \u0000 sm2" })]));

  it("counts failures, errors and skipped ones", () => {
    expect(text).toContain('<testsuites name="muster" tests="4" failures="1" errors="1" skipped="1"');
  });

  it("keeps the verdict in its own words", () => {
    for (const verdict of ["pass", "fail", "inconclusive", "not-applicable"]) expect(text).toContain(`<property name="verdict" value="${verdict}"/>`);
  });

  it("gives expected and actual of a failure, escaped", () => {
    expect(text).toContain('<failure type="ORD-1" message="ORD-1: it is broken">&quot;c1&quot; &lt;b&gt;while&lt;/b&gt; held\nexpected: no Write &amp; no Finish\nactual: CON PUT /0/1</failure>');
  });

  it("holds no character that XML forbids", () => {
    expect(text).toContain("not-applicable: no \uFFFD sm2");
  });
});
