@load @needs:fleet @SM-1 @judges:bootstrap-server @must
Feature: Orders over a whole fleet

  A silent device answers the trigger and does nothing; a sleeping one is triggered when it wakes. So it is known of each device by its name how its item ends.

  @SM-2 @SM-3 @rule:fleet-items @rule:order-spread
  Scenario: One order adds a second operator to a registered fleet, and each item ends as its device lets it
    Given the fleet is registered with operator A, among it:
      | silent-after-trigger | 2 % |
      | sleepy               | 5 % |
    When operator B orders to provision the whole fleet at 9000 devices per minute
    And operator B's order over the fleet has come to its end
    Then the fleet was triggered no faster than the order allows
    And exactly these devices of the fleet are registered with operator B:
      | default | sleepy |
    And the items of operator B's order end as:
      | default              | confirmed       |
      | sleepy               | confirmed       |
      | silent-after-trigger | failed(timeout) |
    And every device of the fleet is registered with operator A

  @SM-2 @rule:fleet-items @rule:order-spread @rule:account-fields
  Scenario: One order updates the account of a registered fleet
    Given the fleet is registered with operator A, among it:
      | silent-after-trigger | 2 % |
      | sleepy               | 5 % |
    When operator A changes the lifetime of the fleet's account to 7200 s
    And operator A orders to update the whole fleet at 12000 devices per minute
    And operator A's order over the fleet has come to its end
    Then the fleet was triggered no faster than the order allows
    And exactly these devices of the fleet are listed by server A with a lifetime of 7200 s:
      | default | sleepy |
    And the items of operator A's order end as:
      | default              | confirmed       |
      | sleepy               | confirmed       |
      | silent-after-trigger | failed(timeout) |
    And every device of the fleet is registered with operator A
