import { describe, expect, it } from "vitest";
import { AccessRight, accessRights, allRights, bootstrapOwner } from "./access.js";

describe("access rights", () => {
  const control = { owner: 101, acl: new Map([[0, AccessRight.Read], [202, AccessRight.Read | AccessRight.Execute]]) };

  it.each([
    ["everything with one server account", accessRights(undefined, 101, 1), allRights],
    ["nothing without access control once there are two", accessRights(undefined, 101, 2), 0],
    ["everything to the owner without an entry", accessRights(control, 101, 2), allRights],
    ["its entry to another server", accessRights(control, 202, 2), 5],
    ["the default entry to the rest", accessRights(control, 303, 2), 1],
    ["its entry even to the owner", accessRights({ owner: 202, acl: control.acl }, 202, 2), 5],
    ["nothing where no entry applies", accessRights({ owner: bootstrapOwner, acl: new Map() }, 303, 2), 0],
  ])("give %s", (_what, rights, expected) => {
    expect(rights).toBe(expected);
  });
});
