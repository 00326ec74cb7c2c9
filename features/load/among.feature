@load @beside @needs:fleet-beside @needs:psk @SM-2 @SM-3 @security @judges:device @must
Feature: One device among many

  The device may be on any client stack. The fleet beside it is ours and is given new keys at the same time: the servers have more to do than with one.

  @rule:device-new-key
  Scenario: A device is triggered and given a new key while a whole fleet is
    Given operator B has ordered its account for the second fleet
    And the second fleet starts at once
    And every device of the second fleet is registered with operator B
    And device "c1" is provisioned by operator A
    When operator B orders to rotate the second fleet at 6000 devices per minute
    And operator A orders to rotate "c1"
    Then "c1" is triggered by server A
    And "c1" completes its bootstrap again
    And "c1" comes to server A with its new key
    And operator B's order over the second fleet has come to its end
    And the items of operator B's order over the second fleet end as:
      | default | confirmed |
