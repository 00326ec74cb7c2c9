@security @needs:psk
Feature: Who a device is: the identity of its session, and the endpoint name

  What the security layer says of a device outweighs what the device says of itself.

  # The twin of the two after it: each differs from it in the endpoint name.
  @judges:lwm2m-server @must @registration @rule:identity-endpoint-binding @needs:raw-requests
  Scenario: A Register with the endpoint name of its credential is accepted
    Given device "c1" with a factory account of operator A
    When "c1" sends to server A:
      | method | path | query                       | payload       | format |
      | POST   | /rd  | ep=<c1>&lt=60&lwm2m=1.1&b=U | </1/0>,</3/0> | 40     |
    Then the answer is 2.01

  @judges:lwm2m-server @must @registration @rule:identity-endpoint-binding @needs:raw-requests
  Scenario: A Register with the endpoint name of another device is refused
    Given device "c1" with a factory account of operator A
    And device "c2" with a factory account of operator A
    When "c1" sends to server A:
      | method | path | query                       | payload       | format |
      | POST   | /rd  | ep=<c2>&lt=60&lwm2m=1.1&b=U | </1/0>,</3/0> | 40     |
    Then the answer is 4.00

  @judges:lwm2m-server @must @registration @rule:identity-endpoint-binding @needs:raw-requests
  Scenario: A Register without an endpoint name is accepted where the session says whose it is
    Given device "c1" with a factory account of operator A
    When "c1" sends to server A:
      | method | path | query               | payload       | format |
      | POST   | /rd  | lt=60&lwm2m=1.1&b=U | </1/0>,</3/0> | 40     |
    Then the answer is 2.01
    And server A lists "c1" with a lifetime of 60 s by "identity-endpoint-binding"

  @judges:lwm2m-server @must @registration @rule:session-endpoint-binding @needs:raw-requests
  Scenario Outline: <operation> of another device's registration is refused
    Given device "c1" is registered with operator A
    And device "c2" is registered with operator A
    And server A refuses Updates of "c2" at unknown locations
    When "c2" sends to server A:
      | method   | path          |
      | <method> | <c1.location> |
    Then the answer is 4.00 or 4.01 or 4.03 or 4.04
    When "c1" sends to server A:
      | method | path          |
      | POST   | <c1.location> |
    Then the answer is 2.04

    Examples:
      | operation     | method |
      | An Update     | POST   |
      | A De-register | DELETE |

  # The twin of the one after it.
  @judges:bootstrap-server @must @bootstrap @rule:endpoint-bound-to-identity @needs:raw-requests
  Scenario: A Bootstrap-Request with the endpoint name of its identity is accepted
    Given device "c1" with a bootstrap account
    When "c1" sends to the Bootstrap Server:
      | method | path | query   |
      | POST   | /bs  | ep=<c1> |
    Then the answer is 2.04

  @judges:bootstrap-server @must @bootstrap @rule:endpoint-bound-to-identity @rule:bootstrap-request-codes @needs:raw-requests
  Scenario: A Bootstrap-Request with the endpoint name of another device is refused
    Given device "c1" with a bootstrap account
    And device "c2" with a bootstrap account
    When "c1" sends to the Bootstrap Server:
      | method | path | query   |
      | POST   | /bs  | ep=<c2> |
    Then by "endpoint-bound-to-identity" the answer is 4.00 or 4.01 or 4.03 or 4.04
    And by "bootstrap-request-codes" the answer is 4.00

  @judges:bootstrap-server @must @bootstrap @rule:unknown-identity
  Scenario: A device whose identity nobody knows gets no session with the Bootstrap Server
    Given the Bootstrap Server does not know "x:c1"
    When "x:c1" starts
    Then "x:c1" gets no session with the Bootstrap Server

  @judges:bootstrap-server @must @bootstrap @rule:unknown-identity
  Scenario: A device whose identity is known gets a session with the Bootstrap Server
    Given device "c1" with a bootstrap account
    When "c1" starts
    Then "c1" gets a session with the Bootstrap Server
