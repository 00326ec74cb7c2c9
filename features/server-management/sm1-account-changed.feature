@SM-1 @judges:bootstrap-server @profile
Feature: SM-1, an account of a registered device is changed

  The change request's own story: a LwM2M Server tells the Bootstrap Server what its account shall be, and the Bootstrap Server brings it to devices that
  are registered already.

  @rule:account-fields @rule:item-truthful
  Scenario: The lifetime of the account changes
    Given device "c1" is provisioned by operator A
    When operator A changes its account to:
      | lifetime | 120 |
    And operator A orders to update "c1"
    Then the item of "c1" ends as "confirmed"
    And the account of operator A on "c1" has:
      | lifetime | 120 |
    And "c1" is registered with operator A
    And server A lists "c1" with a lifetime of 120 s

  @needs:second-uri @rule:account-fields @rule:item-truthful
  Scenario: The URI of the account changes
    Given device "c1" is provisioned by operator A
    When operator A moves its account to its second URI
    And operator A orders to update "c1"
    Then the item of "c1" ends as "confirmed"
    And the account of operator A on "c1" has its second URI
    And "c1" is registered at the second URI of operator A
