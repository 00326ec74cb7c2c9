@bootstrap @judges:bootstrap-server
Feature: Client-initiated bootstrap

  A device that knows its Bootstrap Server only gets its Server accounts from there.

  @must @rule:bootstrap-request @rule:account-fields
  Scenario: A known device gets its configured account
    Given the Bootstrap Server is configured to give "c1" an account of operator A with a lifetime of 120 s
    When "c1" starts
    Then the Bootstrap-Request of "c1" is answered 2.04
    And "c1" completes its bootstrap
    And the account of operator A on "c1" has:
      | lifetime | 120 |
      | binding  | U   |
    And "c1" is registered with operator A

  @must @rule:bootstrap-request-codes
  Scenario: An unknown device is refused
    Given the Bootstrap Server does not know "x:c1"
    When "x:c1" starts
    Then the Bootstrap-Request of "x:c1" is answered 4.00

  @profile @rule:discover-first
  Scenario: A session begins with Bootstrap-Discover
    Given the Bootstrap Server is configured to give "c1" an account of operator A
    When "c1" starts
    Then the session of "c1" begins with Bootstrap-Discover

  @must @rule:finish-last
  Scenario: Finish comes after everything else
    Given the Bootstrap Server is configured to give "c1" an account of operator A
    When "c1" starts
    Then Finish is the last operation of the session of "c1"
