import { Given, Then, When } from "@cucumber/cucumber";
import { asksForConnectionIds, changesAddress, checkRecovers, checkReplayMovesNothing, checkSameSession, checkServerFollows, hasConnectionId, keepsRecord, type ServerName } from "../../src/harness/index.js";
import type { MusterWorld } from "./world.js";

Given("device {device} asks for connection ids", function (this: MusterWorld, alias: string) {
  asksForConnectionIds(this.scenario, alias);
});

Given("the records of {device} carry a connection id", function (this: MusterWorld, alias: string) {
  return hasConnectionId(this.scenario, alias);
});

Given("somebody on the way keeps the last record of {device}", function (this: MusterWorld, alias: string) {
  return keepsRecord(this.scenario, alias);
});

When("the address of {device} changes in its session with {server}", function (this: MusterWorld, alias: string, server: ServerName) {
  return changesAddress(this.scenario, alias, server);
});

Then("{device} goes on in the same session with {server}", function (this: MusterWorld, alias: string, server: ServerName) {
  return checkSameSession(this.scenario, alias, server);
});

Then("{server} reaches {device} at its new address", function (this: MusterWorld, server: ServerName, alias: string) {
  return checkServerFollows(this.scenario, alias, server);
});

Then("that record, sent from elsewhere, moves nothing: {server} reaches {device} where it is", function (this: MusterWorld, server: ServerName, alias: string) {
  return checkReplayMovesNothing(this.scenario, alias, server);
});

Then("{device} makes another session with {server}, and is registered again", function (this: MusterWorld, alias: string, server: ServerName) {
  return checkRecovers(this.scenario, alias, server);
});
