Feature: Problems

  @SM-1 @judges:bootstrap-server @must @rule:ORD-1
  Scenario: A sentence nobody defined
    Given nobody knows this

  @SM-1 @judges:bootstrap-server @must @rule:ORD-1
  Scenario: A sentence nobody defined
    Given the lane "x"

  @SM-1 @must @rule:ORD-1
  Scenario: Nobody is judged
    Given the lane "x"

  @SM-1 @judges:device @must @rule:ORD-1
  Scenario: A rule about somebody else
    Given the lane "x"

  @SM-1 @judges:bootstrap-server @must @rule:ORD-77
  Scenario: A rule that is none
    Given the lane "x"
