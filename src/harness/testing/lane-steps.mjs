import { AsyncLocalStorage } from "node:async_hooks";
import { Given, Then, setWorldConstructor, world, World } from "@cucumber/cucumber";

// Cucumber imports this file by itself, so the test that runs it shares nothing with it but the global object.
const { seen, lane } = (globalThis[Symbol.for("muster.lane-test")] ??= { seen: { running: 0, most: 0, finished: [] }, lane: new AsyncLocalStorage() });

class LaneWorld extends World {
  name = "";
}
setWorldConstructor(LaneWorld);

Given("the lane {string}", async function (name) {
  this.name = name;
  seen.running += 1;
  seen.most = Math.max(seen.most, seen.running);
  await new Promise((resolve) => setImmediate(() => setTimeout(resolve, 30)));
  seen.running -= 1;
});

Then("it goes on", async function () {
  await new Promise((resolve) => setTimeout(resolve, 5));
  seen.finished.push({ own: this.name, proxied: world.name, lane: lane.getStore() });
});
