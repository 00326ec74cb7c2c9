@bootstrap @judges:bootstrap-server @needs:plain-bootstrap
Feature: Client-initiated bootstrap

  A device that knows its Bootstrap Server only gets its Server accounts from there.

  @must @rule:bootstrap-request @rule:account-fields @like:int-0
  Scenario: A known device gets its configured account
    Given the Bootstrap Server is configured to give "c1" an account of operator A with a lifetime of 120 s
    When "c1" starts
    Then the Bootstrap-Request of "c1" is answered 2.04
    And "c1" completes its bootstrap
    And the account of operator A on "c1" has:
      | lifetime | 120 |
      | binding  | U   |
    And "c1" is registered with operator A

  @must @rule:bootstrap-read-version @rule:bootstrap-request
  Scenario: A device of LwM2M 1.0 gets its account without being asked for what came later
    Given device "c1" speaks LwM2M 1.0
    And device "c1" with a factory account of operator B
    And the Bootstrap Server is configured to give "c1" an account of operator A
    When "c1" starts
    And "c1" asks for a bootstrap
    Then "c1" completes its bootstrap
    And "c1" is registered with operator A
    # Now there is access control on the device, which a Bootstrap Server would like to read.
    When "c1" asks for a bootstrap
    Then "c1" completes its bootstrap again
    And "c1" is asked for no Bootstrap-Read

  @profile @rule:instance-ids @rule:discover-first
  Scenario: A new account takes instances that are free on the device
    Given device "c1" with a factory account of operator B
    And the Bootstrap Server is configured to give "c1" an account of operator A
    When "c1" starts
    And "c1" asks for a bootstrap
    Then "c1" completes its bootstrap
    And the session of "c1" begins with Bootstrap-Discover
    And the account of operator A on "c1" stands beside that of operator B, which keeps instance 0

  @profile @rule:discover-first @needs:misbehaviour
  Scenario: A session begins with Bootstrap-Discover and waits for its answer
    Given device "c1" answers Bootstrap-Discover late
    And the Bootstrap Server is configured to give "c1" an account of operator A
    When "c1" starts
    Then the session of "c1" begins with Bootstrap-Discover
