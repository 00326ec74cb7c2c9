@SM-2 @judges:bootstrap-server @profile
Feature: SM-2, any Server of the device can be asked

  The Server whose account changes is often not the one that can reach the device.

  @rule:trigger-requested @rule:trigger-truth @rule:item-truthful
  Scenario: The Server that the device has triggers the bootstrap that brings another one
    Given device "c1" is provisioned by operator A
    And operator B supplies an account
    When operator B orders to provision "c1"
    Then server A is asked to trigger "c1"
    And "c1" is triggered by server A
    And the trigger of "c1" ends as "confirmed"
    And the item of "c1" ends as "confirmed"
    And "c1" is registered with operator B

  @rule:trigger-requested @rule:trigger-truth @rule:item-truthful
  Scenario: The order says which Server is asked
    Given device "c1" is provisioned by operator A
    And device "c1" is provisioned by operator B
    And operator A changes its account to:
      | lifetime | 90 |
    When operator A orders to update "c1" with:
      | triggerServers | ["operator-b"] |
    Then server B is asked to trigger "c1"
    And "c1" is triggered by server B
    And the trigger of "c1" ends as "confirmed"
    And the item of "c1" ends as "confirmed"

  @rule:trigger-requested @rule:trigger-other-server @rule:trigger-truth @rule:item-truthful
  Scenario: The device is not registered with the first Server: the second is asked
    Given device "c1" is provisioned by operator A
    And device "c1" is provisioned by operator B
    And "c1" de-registers from operator A
    And "c1" is not registered with operator A any more
    And operator A changes its account to:
      | lifetime | 90 |
    When operator A orders to update "c1" with:
      | triggerServers | ["operator-a", "operator-b"] |
    Then server A is asked to trigger "c1"
    And server B is asked in its place to trigger "c1"
    And "c1" is triggered by server B
    And the trigger of "c1" ends as "confirmed"
    And the item of "c1" ends as "confirmed"

  @needs:faults @rule:trigger-other-server @rule:trigger-truth @rule:item-truthful
  Scenario Outline: The first Server <how>: the second is asked
    Given device "c1" is provisioned by operator A
    And device "c1" is provisioned by operator B
    And operator A changes its account to:
      | lifetime | 90 |
    And server A <fault>
    When operator A orders to update "c1" with:
      | triggerServers | ["operator-a", "operator-b"] |
    Then server B is asked in its place to trigger "c1"
    And "c1" is triggered by server B
    And the trigger of "c1" ends as "confirmed"
    And the item of "c1" ends as "confirmed"

    Examples:
      | how                     | fault                                                    |
      | is not available        | refuses "smp.trigger.post" of "c1" with 503              |
      | loses the connection    | resets the connection on "smp.trigger.post" of "c1"      |
