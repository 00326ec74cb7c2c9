import { After, AfterStep, Before, BeforeStep, defineParameterType, setDefaultTimeout, setDefinitionFunctionWrapper, setWorldConstructor, World, type ITestStepHookParameter } from "@cucumber/cucumber";
import { cucumberStatus, currentSession, type Scenario, type ScenarioSession, type ServerName } from "../../src/harness/index.js";

/** What `this` is in a step: the scenario, with its devices, operators and checks. */
export class MusterWorld extends World {
  #session: ScenarioSession | undefined;

  get session(): ScenarioSession {
    this.#session ??= currentSession();
    return this.#session;
  }

  get scenario(): Scenario {
    return this.session.scenario;
  }
}

setWorldConstructor(MusterWorld);
// The harness has a watchdog of its own, computed from the timing profile.
setDefaultTimeout(-1);

/** Hooks of ours: the harness guards steps, not these. */
const hooks = new WeakSet<object>();
const hook = <F extends object>(code: F): F => {
  hooks.add(code);
  return code;
};

setDefinitionFunctionWrapper((code: (this: MusterWorld, ...args: unknown[]) => unknown) =>
  hooks.has(code)
    ? code
    : function (this: MusterWorld, ...args: unknown[]) {
        return this.session.guard(() => code.apply(this, args));
      },
);

Before(
  hook(function (this: MusterWorld) {
    return this.session.begin();
  }),
);

BeforeStep(
  hook(function (this: MusterWorld, { pickleStep }: ITestStepHookParameter) {
    this.session.enterStep(pickleStep.text, pickleStep.type);
  }),
);

AfterStep(
  hook(function (this: MusterWorld, { result }: ITestStepHookParameter) {
    this.session.leaveStep(result.status, result.message);
  }),
);

After(
  hook(async function (this: MusterWorld) {
    return cucumberStatus(await this.session.conclude());
  }),
);

const nameOf = (letter: string): ServerName => (letter === "B" ? "B" : "A");

// `operator A`: the party that supplies accounts and orders; `server A`: its LwM2M Server.
defineParameterType({ name: "operator", regexp: /operator ([AB])/, transformer: nameOf });
defineParameterType({ name: "server", regexp: /server ([AB])/, transformer: nameOf });
// A device by its name in the scenario: "c1"; with a prefix ("a:c1", "b:c1", "x:c1") one that only A, only B or nobody may act on.
defineParameterType({ name: "device", regexp: /"((?:(?:a|b|ab|x):)?[a-z][a-z0-9-]*)"/, transformer: (alias: string) => alias });
defineParameterType({ name: "path", regexp: /\/[0-9AB/]*/, transformer: (path: string) => path });
defineParameterType({ name: "code", regexp: /\d\.\d\d(?: or \d\.\d\d)*/, transformer: (codes: string) => codes.replaceAll(" or ", "|") });
