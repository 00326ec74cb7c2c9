@SM-3 @security @profile @needs:psk
Feature: Rotation, an operator orders a new key for a device

  Server A has two slots for the versions of a credential, server B has one.

  @rule:new-version-new-identity @rule:item-truthful @judges:bootstrap-server
  Scenario Outline: A rotation at a server with <slots> gives the device a new identity and a new key
    Given device "c1" is provisioned by operator <operator>
    When operator <operator> orders to rotate "c1"
    And the item of "c1" has come to its end
    Then each version of the credential of "c1" at server <operator> has an identity of its own
    And by "new-version-new-identity" version 2 of the credential of "c1" is in force at server <operator>
    And the item of "c1" ends as "confirmed"
    And by "item-truthful" "c1" gets a new session with server <operator>

    Examples:
      | slots     | operator |
      | two slots | A        |
      | one slot  | B        |

  @rule:ORD-1 @judges:bootstrap-server
  Scenario: With two slots the new version is in force before anything is written
    Given device "c1" is provisioned by operator A
    When operator A orders to rotate "c1"
    And the item of "c1" is "confirmed"
    Then server A activates the credential before anything is written to "c1"
    And no Finish of "c1" is answered before server A has activated the credential

  @rule:swap-before-finish @rule:ORD-1 @judges:bootstrap-server
  Scenario: With one slot the swap comes right before Finish, and the outage is measured
    Given device "c1" is provisioned by operator B
    When operator B orders to rotate "c1"
    And the item of "c1" is "confirmed"
    Then no Finish of "c1" is answered before server B has activated the credential
    And the swap at server B comes after the Writes to "c1", and its outage is over

  @rule:other-accounts-untouched @judges:bootstrap-server
  Scenario: A rotation for one operator leaves the account of the other as it was
    Given device "c1" is provisioned by operator A
    And device "c1" is provisioned by operator B
    And the account of operator A on "c1" is noted
    When operator B orders to rotate "c1"
    And the item of "c1" is "confirmed"
    Then the account of operator A on "c1" is as before
    And "c1" is registered with operator A

  @judges:device @must @rule:device-new-key
  Scenario: A device that got a new key makes a session with it
    Given device "c1" is provisioned by operator A
    When operator A orders to rotate "c1"
    And "c1" completes its bootstrap again
    Then "c1" comes to server A with its new key

  @slow @needs:misbehaviour @rule:rotation-rolled-back @rule:item-truthful @judges:bootstrap-server
  Scenario: A Write that is refused after the activation takes the new version back, and the old key goes on
    Given device "c1" is provisioned by operator A
    And "c1" becomes "refuses-write"
    When operator A orders to rotate "c1" with:
      | overlapSeconds | 1 |
    And the item of "c1" has come to its end
    Then by "rotation-rolled-back" the activation of "c1" at server A is taken back
    And by "rollback" version 1 of the credential of "c1" is in force at server A
    And the item of "c1" ends as "rolled-back"
    When an overlap of 1 s is over
    And "c1" is registered with operator A
    Then by "rollback" "c1" gets a new session with server A

  @slow @needs:misbehaviour @rule:rotation-rolled-back @judges:bootstrap-server
  Scenario: With one slot a Write that is refused leaves the old key in force
    Given device "c1" is provisioned by operator B
    And "c1" becomes "refuses-write"
    When operator B orders to rotate "c1"
    And the item of "c1" has come to its end
    Then by "rotation-rolled-back" version 1 of the credential of "c1" is in force at server B
    When "c1" is registered with operator B
    Then by "rotation-rolled-back" "c1" gets a new session with server B

  @slow @rule:rotation-cancelled @rule:item-truthful @judges:bootstrap-server
  Scenario: A rotation that is cancelled before the device comes leaves the old key in force
    Given device "c1" is provisioned by operator A
    When operator A orders to rotate "c1" with:
      | trigger | wait-for-client |
    And the item of "c1" is "awaiting-client"
    And operator A cancels its order
    And "c1" asks for a bootstrap
    And "c1" completes its bootstrap again
    Then by "rotation-cancelled" version 1 of the credential of "c1" is in force at server A
    And the item of "c1" ends as "cancelled"
    And by "rotation-cancelled" "c1" gets a new session with server A

  @needs:misbehaviour @judges:lwm2m-server @rule:confirmed-by-new-credential
  Scenario: What comes in a session under the old key does not confirm the new one
    Given device "c1" is provisioned by operator A
    And "c1" becomes "keeps-session"
    When operator A orders to rotate "c1"
    And "c1" completes its bootstrap again
    And "c1" registers again with operator A
    And "c1" updates its registration with operator A
    Then server A does not say that the newest version of "c1" is confirmed
    And by "confirmed-by-new-credential" the item of "c1" stays "applied"

  @judges:lwm2m-server @rule:confirmed-by-new-credential
  Scenario: A Register in a session under the new key confirms it
    Given device "c1" is provisioned by operator A
    When operator A orders to rotate "c1"
    And the item of "c1" is "confirmed"
    Then server A says that the newest version of "c1" is confirmed
