@SM-3 @security @judges:lwm2m-server @profile @needs:psk
Feature: Rotation, what a LwM2M Server does with two versions of a key

  The harness stands in the place of the Bootstrap Server. The device has version 1 from the factory, and is not told of version 2 unless a step says so. Server A
  has two slots, server B has one.

  @rule:overlap-bounded
  Scenario: Two slots, while the overlap lasts the version before lets its device in
    Given device "c1" is registered with operator A
    When the Bootstrap Server puts version 2 of the credential of "c1" in force at server A with:
      | overlapSeconds | 3600 |
    Then by "overlap-bounded" "c1" gets a new session with server A

  @slow @rule:overlap-bounded
  Scenario: Two slots, when overlapSeconds are over the version before lets nobody in
    Given device "c1" is registered with operator A
    When the Bootstrap Server puts version 2 of the credential of "c1" in force at server A with:
      | overlapSeconds | 1 |
    And an overlap of 1 s is over
    Then by "overlap-bounded" "c1" gets no new session with server A

  @rule:overlap-bounded
  Scenario: Two slots, after the first Register under the new version the one before lets nobody in
    Given device "c1" with a bootstrap account
    And device "c1" is registered with operator A
    When the Bootstrap Server puts version 2 of the credential of "c1" in force at server A with:
      | overlapSeconds | 3600 |
    And "c1" is given version 2 of its credential for server A
    Then by "overlap-bounded" a copy of "c1" with version 1 gets no session with server A
    And by "overlap-bounded" "c1" gets a new session with server A

  @rule:overlap-bounded
  Scenario: One slot, with the activation the version before lets nobody in
    Given device "c1" is registered with operator B
    When the Bootstrap Server puts version 2 of the credential of "c1" in force at server B
    Then by "overlap-bounded" "c1" gets no new session with server B

  @rule:overlap-bounded
  Scenario: One slot, after the activation the new version lets its device in
    Given device "c1" with a bootstrap account
    And device "c1" is registered with operator B
    When the Bootstrap Server puts version 2 of the credential of "c1" in force at server B
    And "c1" is given version 2 of its credential for server B
    Then by "overlap-bounded" "c1" gets a new session with server B

  # Nothing but the key tells such versions apart: where only one is in force at a time, that is enough.
  @rule:overlap-bounded
  Scenario: One slot, under one identity the key before lets nobody in from the activation on
    Given device "c1" is registered with operator B
    And all versions of the credential of "c1" have one identity at server B
    When the Bootstrap Server puts version 2 of the credential of "c1" in force at server B
    Then by "overlap-bounded" "c1" gets no new session with server B

  @rule:overlap-bounded
  Scenario: One slot, under one identity the new key lets its device in
    Given device "c1" with a bootstrap account
    And device "c1" is registered with operator B
    And all versions of the credential of "c1" have one identity at server B
    When the Bootstrap Server puts version 2 of the credential of "c1" in force at server B
    And "c1" is given version 2 of its credential for server B
    Then by "overlap-bounded" "c1" gets a new session with server B

  @rule:session-policy
  Scenario: close-on-revoke ends the open session of the version that is over
    Given device "c1" is registered with operator B
    When the Bootstrap Server puts version 2 of the credential of "c1" in force at server B with:
      | sessionPolicy | close-on-revoke |
    And version 1 of the credential of "c1" is over at server B
    Then server B ends the session of "c1"

  @rule:session-policy @rule:overlap-bounded
  Scenario: keep-until-rehandshake lets the open session live, and no other
    Given device "c1" is registered with operator B
    When the Bootstrap Server puts version 2 of the credential of "c1" in force at server B with:
      | sessionPolicy | keep-until-rehandshake |
    Then server B goes on in the session of "c1"
    And by "overlap-bounded" "c1" gets no new session with server B

  @rule:resumption-after-revoke
  Scenario: A session under a version in force can be resumed, also in the overlap
    Given device "c1" is registered with operator A
    When the Bootstrap Server puts version 2 of the credential of "c1" in force at server A with:
      | overlapSeconds | 3600                   |
      | sessionPolicy  | keep-until-rehandshake |
    Then "c1" can resume its session with server A

  @rule:resumption-after-revoke
  Scenario: A session under a version that is over cannot be resumed
    Given device "c1" is registered with operator B
    And "c1" has resumed its session with server B
    When the Bootstrap Server puts version 2 of the credential of "c1" in force at server B with:
      | sessionPolicy | keep-until-rehandshake |
    And version 1 of the credential of "c1" is over at server B
    Then "c1" cannot resume its session with server B

  @rule:rollback
  Scenario: One slot, an activation that is taken back gives the version before its force again
    Given device "c1" is registered with operator B
    When the Bootstrap Server puts version 2 of the credential of "c1" in force at server B with:
      | sessionPolicy | keep-until-rehandshake |
    And the Bootstrap Server takes version 2 of the credential of "c1" at server B back
    Then by "rollback" "c1" gets a new session with server B

  @rule:rollback
  Scenario: Two slots, an activation that is taken back leaves nobody in under the new version
    Given device "c1" is registered with operator A
    When the Bootstrap Server puts version 2 of the credential of "c1" in force at server A
    And the Bootstrap Server takes version 2 of the credential of "c1" at server A back
    Then by "rollback" a copy of "c1" with version 2 gets no session with server A
    And by "rollback" "c1" gets a new session with server A

  @rule:version-regression
  Scenario: A version that was in force and gave way is not taken again
    Given device "c1" is registered with operator B
    When the Bootstrap Server puts version 2 of the credential of "c1" in force at server B with:
      | sessionPolicy | keep-until-rehandshake |
    And the Bootstrap Server stages version 1 of the credential of "c1" at server B
    Then the answer is 409 "version-regression"

  @rule:version-regression
  Scenario: A version above the one in force is taken
    Given device "c1" is registered with operator B
    When the Bootstrap Server puts version 2 of the credential of "c1" in force at server B with:
      | sessionPolicy | keep-until-rehandshake |
    And the Bootstrap Server stages version 3 of the credential of "c1" at server B
    Then the answer is 201
