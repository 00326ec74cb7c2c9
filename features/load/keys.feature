@load @needs:fleet @needs:psk @SM-3 @security @judges:bootstrap-server @must
Feature: Keys of a whole fleet

  @bootstrap @rule:fleet-bootstrapped
  Scenario: One key is wrong, and exactly that device fails
    Given operator B has ordered its account for the second fleet
    When the second fleet starts, and one of its devices has a wrong key
    Then every device of the second fleet but that one completes its bootstrap and is registered with operator B

  @SM-2 @rule:fleet-items @rule:order-spread @rule:fleet-outage
  Scenario: The keys of a fleet are rotated at a rate at a server with one slot, and the outage of each device is reported
    Given operator B has ordered its account for the second fleet
    And the second fleet starts at once, among it:
      | silent-after-trigger | 2 % |
    And every device of the second fleet is registered with operator B
    When operator B orders to rotate the second fleet at 6000 devices per minute
    And operator B's order over the second fleet has come to its end
    Then the fleet was triggered no faster than the order allows
    And the items of operator B's order over the second fleet end as:
      | default              | confirmed       |
      | silent-after-trigger | failed(timeout) |
    And the outage of every device of the second fleet at server B is over
