@SM-3 @judges:bootstrap-server @profile
Feature: SM-3, the credential is in force before the device may use it

  @rule:ORD-1
  Scenario: The credential is activated before anything is written
    Given device "c1" is provisioned by operator A
    And operator B supplies an account
    When operator B orders to provision "c1"
    And the item of "c1" is "confirmed"
    Then server B activates the credential before anything is written to "c1"
    And no Finish of "c1" is answered before server B has activated the credential
    And "c1" is registered with operator B

  @slow @needs:faults @rule:ORD-1
  Scenario: While the activation is held nothing is written
    Given device "c1" is provisioned by operator A
    And operator B supplies an account
    And server B holds the activation of "c1" within the budget
    When operator B orders to provision "c1"
    Then nothing is written to "c1" while server B holds the activation
    And no Finish of "c1" is answered before server B has activated the credential

  @slow @needs:faults @rule:ORD-1 @rule:ORD-2 @rule:item-truthful
  Scenario: An activation held past the budget leaves nothing of the account on the device
    Given device "c1" is provisioned by operator A
    And operator B supplies an account
    And server B holds the activation of "c1" past the budget
    When operator B orders to provision "c1"
    And the item of "c1" has come to its end
    Then nothing is written to "c1" within the budget of the activation at server B
    And by "ORD-2" "c1" holds nothing of the account of operator B
    And the item of "c1" ends as "failed(sm3-refused)"
    And "c1" is registered with operator A

  @needs:faults @rule:ORD-1 @rule:credential-refused @rule:item-truthful
  Scenario: A refused activation leaves nothing of the account on the device
    Given device "c1" is provisioned by operator A
    And operator B supplies an account
    And server B refuses "smp.activation.put" of "c1" with 409
    When operator B orders to provision "c1"
    And the item of "c1" has come to its end
    Then no Finish of "c1" is answered before server B has activated the credential
    And by "credential-refused" "c1" holds nothing of the account of operator B
    And the item of "c1" ends as "failed(sm3-refused)"
