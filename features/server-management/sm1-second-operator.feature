@SM-1 @judges:bootstrap-server
Feature: SM-1, a second operator's account comes and goes

  Operator B's account is added to a device that operator A manages, and removed again. Each operator keeps its own.

  @profile @rule:account-fields @rule:item-truthful @rule:other-accounts-untouched
  Scenario: A second operator is added beside the first
    Given device "c1" is provisioned by operator A with:
      | lifetime | 150 |
    And operator B supplies an account with:
      | lifetime | 90 |
    And the account of operator A on "c1" is noted
    When operator B orders to provision "c1"
    Then the item of "c1" ends as "confirmed"
    And the account of operator B on "c1" has:
      | lifetime | 90 |
    And the account of operator A on "c1" is as before
    And "c1" is registered with operator A
    And "c1" is registered with operator B

  @must @rule:access-control
  Scenario: Access control comes with the second account
    Given device "c1" is provisioned by operator A
    And device "c1" is provisioned by operator B
    When operator A reads /1/A/1 of "c1"
    Then by "access-control" the answer is 2.05
    When operator A writes "130" to /1/A/1 of "c1"
    Then by "access-control" the answer is 2.04
    When operator A executes /3/0/12 of "c1"
    Then by "access-control" the answer is 2.04
    When operator B reads /1/B/1 of "c1"
    Then by "access-control" the answer is 2.05
    When operator B writes "1000" to /1/A/1 of "c1"
    Then by "access-control" the answer is 4.01
    When operator A writes "1000" to /1/B/1 of "c1"
    Then by "access-control" the answer is 4.01

  @profile @rule:account-removed @rule:item-truthful @rule:other-accounts-untouched @rule:access-control
  Scenario: The second operator is removed again
    Given device "c1" is provisioned by operator A with:
      | lifetime | 150 |
    And device "c1" is provisioned by operator B
    And the account of operator A on "c1" is noted
    When operator B reads /1/B/1 of "c1"
    Then by "access-control" the answer is 2.05
    When operator B orders to remove "c1"
    Then the item of "c1" ends as "confirmed"
    And the account of operator B is gone from "c1"
    And the account of operator A on "c1" is as before
    When operator A writes "130" to /1/A/1 of "c1"
    Then by "access-control" the answer is 2.04
    When operator A executes /3/0/12 of "c1"
    Then by "access-control" the answer is 2.04

  @profile @rule:last-account-kept
  Scenario: The only account of a device is not removed
    Given device "c1" is provisioned by operator A
    When operator A orders to remove "c1"
    Then by "last-account-kept" the item of "c1" ends as "rejected(last-account)"
    And "c1" is registered with operator A
