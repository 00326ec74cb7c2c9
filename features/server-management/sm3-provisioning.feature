@SM-3 @judges:bootstrap-server @profile
Feature: SM-3, credentials in the course of an order

  @rule:credential-staged
  Scenario: The credential is staged before the device is triggered
    Given device "c1" is provisioned by operator A
    And operator B supplies an account
    When operator B orders to provision "c1"
    And the item of "c1" is "confirmed"
    Then server B is told the credential of "c1" before server A is asked to trigger it

  @needs:faults @rule:ORD-1 @rule:credential-refused @rule:item-truthful
  Scenario: A connection that is reset at every activation leaves nothing of the account on the device
    Given device "c1" is provisioned by operator A
    And operator B supplies an account
    And server B resets the connection on "smp.activation.put" of "c1"
    When operator B orders to provision "c1"
    And the item of "c1" has come to its end
    Then no Finish of "c1" is answered before server B has activated the credential
    And by "credential-refused" "c1" holds nothing of the account of operator B
    And the item of "c1" ends as "failed(sm3-refused)"
    And "c1" is registered with operator A

  @needs:faults @rule:ORD-1 @rule:credential-repeated @rule:item-truthful
  Scenario: An activation whose answer is lost is repeated, and is one activation
    Given device "c1" is provisioned by operator A
    And operator B supplies an account
    And server B loses the first answer to "smp.activation.put" of "c1"
    When operator B orders to provision "c1"
    And the item of "c1" has come to its end
    Then server B activates the credential before anything is written to "c1"
    And the item of "c1" ends as "confirmed"
    And the activation of "c1" at server B is repeated with the same body

  @needs:faults @rule:ORD-4
  Scenario: A device that comes before its credential is staged gets nothing of that account
    Given device "c1" is provisioned by operator A
    And operator B supplies an account
    And server B refuses "smp.credential.put" of "c1" with 503
    When operator B orders to provision "c1" with:
      | trigger | wait-for-client |
    And "c1" asks for a bootstrap
    And "c1" completes its bootstrap
    Then by "ORD-4" "c1" holds nothing of the account of operator B

  @slow @needs:faults @rule:ORD-5
  Scenario: A second session while the first one's activation is open takes its place
    Given device "c1" is provisioned by operator A
    And operator B supplies an account
    And server B holds the first "smp.activation.put" of "c1"
    When operator B orders to provision "c1"
    And server B is held at "smp.activation.put"
    And "c1" asks for a bootstrap
    And the item of "c1" is "confirmed"
    And server B lets "smp.activation.put" go
    Then the sessions of "c1" activate at server B with session ids that grow
    And the displaced session of "c1" writes nothing after the new one began

  @needs:misbehaviour @rule:write-refused @rule:rotation-rolled-back
  Scenario: A write that the device refuses leaves the item partially applied and the credential rolled back
    Given device "c1" is provisioned by operator A
    And operator B supplies an account
    And "c1" becomes "refuses-write"
    When operator B orders to provision "c1"
    And the item of "c1" has come to its end
    Then by "write-refused" the item of "c1" ends as "partially-applied(request-failed)"
    And by "rotation-rolled-back" the activation of "c1" at server B is taken back

  @rule:account-removed @rule:item-truthful
  Scenario: Removal revokes the credential after the device let go of the account
    Given device "c1" is provisioned by operator A
    And device "c1" is provisioned by operator B
    When operator B orders to remove "c1" with:
      | trigger | wait-for-client |
    And the item of "c1" is "awaiting-client"
    And "c1" asks for a bootstrap
    Then the item of "c1" ends as "confirmed"
    And the account of operator B is gone from "c1"
    And server B is told to revoke the credential of "c1" after Finish
