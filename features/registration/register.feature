@registration @judges:lwm2m-server @must
Feature: Register

  A LwM2M Server keeps a registration for each device that registers with it.

  @sanity @rule:register-accepted @rule:register-location
  Scenario: A valid Register is accepted
    Given device "c1" with a factory account of operator A and a lifetime of 60 s
    When "c1" starts
    Then "c1" is registered with operator A
    And "c1" is given a location by server A
    And server A lists "c1" with a lifetime of 60 s

  @rule:register-lifetime-required
  Scenario: A Register without a lifetime is refused
    Given device "c1" is registered with operator A
    When "c1" sends to server A:
      | method | path | query            | payload       | format |
      | POST   | /rd  | ep=<c1>&lwm2m=1.1 | </1/0>,</3/0> | 40     |
    Then the answer is 4.00

  @rule:update-accepted
  Scenario: An Update renews the registration
    Given device "c1" is registered with operator A
    When "c1" updates its registration with operator A
    Then the answer is 2.04

  @rule:deregister
  Scenario: A De-register ends the registration
    Given device "c1" is registered with operator A
    When "c1" de-registers from operator A
    Then the answer is 2.02
    And "c1" is not registered with operator A any more

  @slow @rule:registration-expiry
  Scenario: A registration expires with its lifetime, not before
    Given device "c1" is registered with operator A for 3 s
    When "c1" falls silent
    Then the registration of "c1" with operator A ends with its lifetime of 3 s
