@load @needs:fleet @must
Feature: Cold start of a fleet

  Load scenarios share one fleet, which the first of them starts; each judges the devices of its own fleet by their names.

  @bootstrap @SM-3 @judges:bootstrap-server @rule:fleet-bootstrapped
  Scenario: Every device of a fleet that starts at once gets its account
    Given operator A has ordered its account for the whole fleet
    When the whole fleet starts at once, among it:
      | silent-after-trigger | 2 % |
      | sleepy               | 5 % |
    Then every device of the fleet completes its bootstrap
    And every device of the fleet is registered with operator A

  @registration @judges:lwm2m-server @rule:fleet-registered
  Scenario: Every device of the fleet is registered
    Given the fleet is registered with operator A, among it:
      | silent-after-trigger | 2 % |
      | sleepy               | 5 % |
    Then every device of the fleet is registered with operator A

  @bootstrap @SM-3 @registration @judges:bootstrap-server @rule:fleet-bootstrapped @beside
  Scenario: Every device of a second fleet that starts at a rate gets its account, beside the first one
    Given operator B has ordered its account for the second fleet
    When the second fleet starts at 100 devices per second
    Then every device of the second fleet completes its bootstrap
    And every device of the second fleet is registered with operator B
