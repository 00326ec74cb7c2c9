@SM-2
Feature: SM-2, a LwM2M Server is asked to trigger a bootstrap

  @judges:bootstrap-server @profile @rule:trigger-requested @rule:trigger-truth @rule:item-truthful
  Scenario: A triggered device asks for its bootstrap, and the trigger is confirmed
    Given device "c1" is provisioned by operator A
    When operator A changes its account to:
      | lifetime | 90 |
    And operator A orders to update "c1"
    Then server A is asked to trigger "c1"
    And the trigger of "c1" ends as "confirmed"
    And the item of "c1" ends as "confirmed"

  @judges:bootstrap-server @profile @needs:misbehaviour @slow @rule:trigger-truth
  Scenario: A device that accepts the trigger and stays silent leaves it unconfirmed
    Given device "c1" is provisioned by operator A
    And "c1" becomes "silent-after-trigger"
    When operator A changes its account to:
      | lifetime | 90 |
    And operator A orders to update "c1" with:
      | maxAttempts | 1 |
    Then the trigger of "c1" ends as "unconfirmed"
    And "c1" does not ask for a bootstrap

  @judges:lwm2m-server @profile @rule:trigger-executes @rule:trigger-server-instance @rule:trigger-execute-once
  Scenario: The Execute goes to the server's own account, once
    Given device "c1" is provisioned by operator A
    When operator A changes its account to:
      | lifetime | 90 |
    And operator A orders to update "c1"
    Then "c1" is triggered by server A
    And exactly 1 Execute of the bootstrap trigger reaches "c1"
