import { Given, Then, When } from "@cucumber/cucumber";
import { checkFleetRecovers, checkNothingLostToNat, checkOthersFail, launchBehindNat, launchWithCertificates, orderInMode, updateWhileRebinding, type ServerName } from "../../src/harness/index.js";
import type { MusterWorld } from "./world.js";

Given(/^operator ([AB]) has ordered its account of mode (rpk|x509) for the small fleet$/, function (this: MusterWorld, operator: ServerName, mode: "rpk" | "x509") {
  return orderInMode(this.scenario, operator, mode);
});

When("the small fleet starts with certificates that {server} was told of, one in a hundred of them wrong", function (this: MusterWorld, server: ServerName) {
  return launchWithCertificates(this.scenario, server);
});

Then("exactly the devices of the small fleet with a right certificate are registered with {operator}", function (this: MusterWorld, operator: ServerName) {
  return checkOthersFail(this.scenario, operator);
});

When(/^the small fleet starts behind a NAT that changes addresses, (with|without) connection ids$/, function (this: MusterWorld, how: string) {
  return launchBehindNat(this.scenario, how === "with");
});

When("every device of the small fleet updates its registration with {operator} a few times, while its address changes", function (this: MusterWorld, operator: ServerName) {
  return updateWhileRebinding(this.scenario, operator);
});

Then("no change of address has cost an Update or a handshake", function (this: MusterWorld) {
  return checkNothingLostToNat(this.scenario);
});

Then("every device of the small fleet is registered with {operator} again, and what it cost is reported", function (this: MusterWorld, operator: ServerName) {
  return checkFleetRecovers(this.scenario, operator);
});
