import { Then, When } from "@cucumber/cucumber";
import { checkAskedToTrigger, checkBootstrapsOnTrigger, checkExecuteCount, checkTriggered, checkTriggerOutcome, sendToServer, type ServerName } from "../../src/harness/index.js";
import type { MusterWorld } from "./world.js";

Then("{server} is asked to trigger {device}", function (this: MusterWorld, server: ServerName, alias: string) {
  return checkAskedToTrigger(this.scenario, alias, server, "trigger-requested");
});

Then("{server} is asked in its place to trigger {device}", function (this: MusterWorld, server: ServerName, alias: string) {
  return checkAskedToTrigger(this.scenario, alias, server, "trigger-other-server");
});

Then("{device} is triggered by {server}", function (this: MusterWorld, alias: string, server: ServerName) {
  return checkTriggered(this.scenario, alias, server);
});

Then("{device} asks for a bootstrap because of the trigger", function (this: MusterWorld, alias: string) {
  return checkBootstrapsOnTrigger(this.scenario, alias, true);
});

Then("{device} does not ask for a bootstrap", function (this: MusterWorld, alias: string) {
  return checkBootstrapsOnTrigger(this.scenario, alias, false);
});

// Of several states that are equally right: "refused | unsupported".
Then("the trigger of {device} ends as {string}", function (this: MusterWorld, alias: string, states: string) {
  return checkTriggerOutcome(this.scenario, alias, states);
});

Then("exactly {int} Execute(s) of the bootstrap trigger reach(es) {device}", function (this: MusterWorld, count: number, alias: string) {
  return checkExecuteCount(this.scenario, alias, count);
});

// The harness in the place of the Bootstrap Server; <c1> in path and body stands for the endpoint name of device "c1".
When("the Bootstrap Server sends to {server} {word} {word}", function (this: MusterWorld, server: ServerName, method: string, path: string) {
  return sendToServer(this.scenario, server, method, path);
});

When("the Bootstrap Server sends to {server} {word} {word} with:", function (this: MusterWorld, server: ServerName, method: string, path: string, body: string) {
  return sendToServer(this.scenario, server, method, path, body);
});
