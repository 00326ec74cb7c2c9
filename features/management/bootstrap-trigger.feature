@management @judges:device @must
Feature: The bootstrap trigger of a device

  @rule:device-bootstraps-on-trigger @like:int-5
  Scenario: A device that accepts the trigger asks for its bootstrap
    Given device "c1" is provisioned by operator A
    When operator A executes /1/A/9 of "c1"
    Then by "device-bootstraps-on-trigger" the answer is 2.04
    And "c1" asks for a bootstrap because of the trigger
    And "c1" is registered with operator A
