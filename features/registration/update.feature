@registration @judges:lwm2m-server @must
Feature: Update, De-register and expiry

  A registration lives as long as it is renewed; where it has ended, its location means nothing any more.

  @rule:update-accepted @like:int-102 @needs:raw-requests
  Scenario: An Update at the location that was given is accepted
    Given device "c1" is registered with operator A
    When "c1" sends to server A:
      | method | path          |
      | POST   | <c1.location> |
    Then the answer is 2.04

  @rule:update-unknown-location @needs:raw-requests
  Scenario: An Update at a location that nobody was given is refused
    Given device "c1" is registered with operator A
    When "c1" sends to server A:
      | method | path               |
      | POST   | /rd/no-such-device |
    Then the answer is 4.04

  @rule:deregister @like:int-103
  Scenario: A De-register ends the registration
    Given device "c1" is registered with operator A
    And server A refuses Updates of "c1" at unknown locations
    When "c1" de-registers from operator A
    Then the answer is 2.02
    And server A serves the former location of "c1" no more

  @rule:deregister-unknown-location @needs:raw-requests
  Scenario: A De-register at a location that nobody was given is refused
    Given device "c1" is registered with operator A
    When "c1" sends to server A:
      | method | path               |
      | DELETE | /rd/no-such-device |
    Then the answer is 4.04

  @slow @rule:registration-expiry @needs:misbehaviour
  Scenario: A registration expires with its lifetime, not before
    Given device "c1" sends no Update by itself
    And device "c1" is registered with operator A for 3 s
    And server A refuses Updates of "c1" at unknown locations
    When "c1" updates its registration with operator A shortly before its lifetime of 3 s is over
    Then the answer is 2.04
    When "c1" updates its registration with operator A when its lifetime of 3 s and the grace are over
    Then the answer is 4.04

  @slow @rule:update-renews @needs:misbehaviour
  Scenario: An Update starts the lifetime anew
    Given device "c1" sends no Update by itself
    And device "c1" is registered with operator A for 3 s
    When "c1" updates its registration with operator A shortly before its lifetime of 3 s is over
    Then the answer is 2.04
    When "c1" updates its registration with operator A shortly before its lifetime of 3 s is over
    Then the answer is 2.04

  # That registrations end at all is shown by the other device.
  @slow @rule:update-renews @needs:misbehaviour
  Scenario: An Update may carry another lifetime
    Given device "c1" sends no Update by itself
    And device "c2" sends no Update by itself
    And device "c1" is registered with operator A for 300 s
    And device "c2" is registered with operator A for 1 s
    And "c2" updates its registration with operator A when its lifetime of 1 s and the grace are over
    And the answer is 4.04
    When "c1" sends to server A:
      | method | path          | query |
      | POST   | <c1.location> | lt=1  |
    Then the answer is 2.04
    When "c1" updates its registration with operator A when its lifetime of 1 s and the grace are over
    Then the answer is 4.04
