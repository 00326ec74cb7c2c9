@registration @judges:lwm2m-server @must
Feature: Register

  A LwM2M Server keeps a registration for each device that registers with it.

  @sanity @rule:register-accepted @rule:register-location @like:int-101
  Scenario: A valid Register is accepted
    Given device "c1" with a factory account of operator A and a lifetime of 60 s
    When "c1" starts
    Then the Register of "c1" is answered 2.01
    And "c1" is given a location by server A
    And server A lists "c1" with a lifetime of 60 s

  @rule:register-accepted
  Scenario Outline: A device of LwM2M <version> is registered and served
    Given device "c1" speaks LwM2M <version>
    And device "c1" with a factory account of operator A
    When "c1" starts
    Then the Register of "c1" is answered 2.01
    And "c1" is given a location by server A
    When operator A reads /3/0/0 of "c1"
    Then the answer is 2.05

    Examples:
      | version |
      | 1.0     |
      | 1.1     |

  @rule:register-again
  Scenario: A Register of a registered device takes the place of its registration
    Given device "c1" is registered with operator A
    And server A refuses Updates of "c1" at unknown locations
    When "c1" registers again with operator A
    Then the answer is 2.01
    And the newest location of "c1" at server A is the one that is served

  @rule:register-accepted @needs:raw-requests
  Scenario: Objects and link parameters that the server does not know are no error
    Given device "c1" with a factory account of operator A
    When "c1" sends to server A:
      | method | path | query                 | payload                                              | format |
      | POST   | /rd  | ep=<c1>&lt=60&lwm2m=1.1 | </1/0>,</3/0>,</32767>;ver=7.1;new="thing",</32767/0> | 40     |
    Then the answer is 2.01
