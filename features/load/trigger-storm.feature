@load @needs:fleet @SM-2 @judges:lwm2m-server @must
Feature: A storm of triggers

  @rule:fleet-triggers @rule:bootstrap-once @rule:trigger-execute-once @rule:trigger-executes
  Scenario: Every device is triggered while the whole fleet updates
    Given the fleet is registered with operator A, among it:
      | silent-after-trigger | 2 % |
      | sleepy               | 5 % |
    When server A is asked to trigger every device of the fleet while it updates
    Then every trigger of the storm ends, and each device has an acknowledged one
    And every trigger of the storm has had one Execute and one bootstrap at most
    And no registration of the fleet is lost
