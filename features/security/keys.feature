@SM-3 @security @profile @needs:psk
Feature: Keys: who gets which, how they travel, and that nobody tells them

  What a device holds it tells the harness over its shard's port, and nobody else.

  @judges:bootstrap-server @rule:keys-differ
  Scenario: A device with two operators has a key for each
    Given device "c1" is provisioned by operator A
    And device "c1" is provisioned by operator B
    Then the accounts on "c1" have different keys

  @judges:bootstrap-server @rule:secret-encrypted @needs:trace
  Scenario: A key travels to its server encrypted
    Given device "c1" with a bootstrap account
    And operator A supplies an account
    When operator A orders to provision "c1" with:
      | trigger | wait-for-client |
    And "c1" starts
    Then the keys of "c1" came to server A encrypted
    And "c1" is registered with operator A

  @judges:bootstrap-server @rule:new-version-new-identity @rule:item-truthful
  Scenario: With a new key comes a new identity
    Given device "c1" is provisioned by operator B
    And the key that "c1" has for operator B is noted
    When operator B orders to rotate "c1"
    And the item of "c1" has come to its end
    Then "c1" has a new key and a new identity for operator B
    And the item of "c1" ends as "confirmed"

  # Key origin server: the LwM2M Server makes the key, SM-1 carries it, SM-3 says only which one it is.

  @judges:bootstrap-server @rule:own-key-delivered @rule:own-key-told-back @rule:item-truthful
  Scenario: A key that the LwM2M Server makes is delivered, and told to nobody again
    Given device "c1" is provisioned by operator A with a key that its server made
    Then "c1" has the key that server A made
    And server A is told of its own key for "c1" without the secret
    And the item of "c1" ends as "confirmed"

  @judges:bootstrap-server @rule:own-key-delivered @rule:own-key-told-back @rule:new-version-new-identity @rule:item-truthful
  Scenario Outline: A rotation to a key that the LwM2M Server makes, at a server with <slots>
    Given device "c1" is provisioned by operator <operator> with a key that its server made
    And the key that "c1" has for operator <operator> is noted
    When operator <operator> orders to rotate "c1" with a key that its server makes
    And the item of "c1" has come to its end
    Then "c1" has the key that server <operator> made
    And "c1" has a new key and a new identity for operator <operator>
    And server <operator> is told of its own key for "c1" without the secret
    And the item of "c1" ends as "confirmed"

    Examples:
      | slots     | operator |
      | two slots | A        |
      | one slot  | B        |

  @judges:lwm2m-server @rule:own-key-encrypted @needs:trace
  Scenario Outline: A key that <server> makes travels with its order encrypted
    Given device "c1" with a bootstrap account
    And operator <operator> supplies an account
    When operator <operator> orders to provision "c1" with a key that its server makes
    Then the key for "c1" comes with the order of operator <operator> encrypted

    Examples:
      | server   | operator |
      | Server A | A        |
      | Server B | B        |

  @judges:bootstrap-server @rule:rotation-rolled-back @needs:misbehaviour
  Scenario: A new key that the device did not take is taken back at its server
    Given device "c1" is provisioned by operator A
    And "c1" becomes "refuses-write"
    When operator A orders to rotate "c1" with:
      | maxAttempts | 1 |
    And the item of "c1" has come to its end
    Then by "rotation-rolled-back" the activation of "c1" at server A is taken back

  # A whole life: keys are staged, activated, delivered, rotated, refused; whatever is told of it is looked through.
  @slow @judges:bootstrap-server @rule:no-secret-in-get @needs:trace @needs:faults
  Scenario: The Bootstrap Server tells no key
    Given device "c1" is provisioned by operator A
    And device "c1" is provisioned by operator B
    And operator A orders to rotate "c1"
    And the item of "c1" is "confirmed"
    And server B refuses "smp.activation.put" of "c1" with 409
    And operator B orders to rotate "c1"
    And the item of "c1" has come to its end
    Then neither what the Bootstrap Server tells operators A and B nor what it recorded holds a key of "c1"

  @slow @judges:lwm2m-server @rule:secret-never-readable @needs:trace @needs:faults
  Scenario Outline: <server> tells no key
    Given device "c1" is provisioned by operator A
    And device "c1" is provisioned by operator B
    And operator A orders to rotate "c1"
    And the item of "c1" is "confirmed"
    And server B refuses "smp.activation.put" of "c1" with 409
    And operator B orders to rotate "c1"
    And the item of "c1" has come to its end
    Then neither what <name> tells its Bootstrap Server nor what it recorded holds a key of "c1"

    Examples:
      | server   | name     |
      | Server A | server A |
      | Server B | server B |
