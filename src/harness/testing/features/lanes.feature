@SM-1 @judges:bootstrap-server @must @rule:ORD-1
Feature: Lanes

  Scenario: One waits
    Given the lane "one"
    Then it goes on

  Scenario: Two waits
    Given the lane "two"
    Then it goes on

  Scenario Outline: Rows wait, <lane>
    Given the lane "<lane>"
    Then it goes on

    Examples:
      | lane |
      | r1   |
      | r2   |
