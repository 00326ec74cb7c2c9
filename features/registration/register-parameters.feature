@registration @judges:lwm2m-server @must
Feature: Parameters of a Register

  `ep`, `lt` and `lwm2m` are required (`ep` where the security layer names nobody), and each has values of its kind.

  # The twin of all that follow: each of them differs from it in one parameter.
  @rule:register-accepted @needs:raw-requests
  Scenario: A complete Register is accepted
    Given device "c1" with a factory account of operator A
    When "c1" sends to server A:
      | method | path | query                       | payload       | format |
      | POST   | /rd  | ep=<c1>&lt=60&lwm2m=1.1&b=U | </1/0>,</3/0> | 40     |
    Then the answer is 2.01

  @nosec @rule:register-endpoint-required @needs:raw-requests
  Scenario: A Register without an endpoint name is refused
    Given device "c1" with a factory account of operator A
    When "c1" sends to server A:
      | method | path | query               | payload       | format |
      | POST   | /rd  | lt=60&lwm2m=1.1&b=U | </1/0>,</3/0> | 40     |
    Then the answer is 4.00

  @rule:register-lifetime-required @needs:raw-requests
  Scenario: A Register without a lifetime is refused
    Given device "c1" with a factory account of operator A
    When "c1" sends to server A:
      | method | path | query                 | payload       | format |
      | POST   | /rd  | ep=<c1>&lwm2m=1.1&b=U | </1/0>,</3/0> | 40     |
    Then the answer is 4.00

  @rule:register-version-required @needs:raw-requests
  Scenario: A Register without an enabler version is refused
    Given device "c1" with a factory account of operator A
    When "c1" sends to server A:
      | method | path | query             | payload       | format |
      | POST   | /rd  | ep=<c1>&lt=60&b=U | </1/0>,</3/0> | 40     |
    Then the answer is 4.00

  @rule:register-version-supported @needs:raw-requests
  Scenario: A Register with an enabler version that the server does not speak is refused
    Given device "c1" with a factory account of operator A
    When "c1" sends to server A:
      | method | path | query                       | payload       | format |
      | POST   | /rd  | ep=<c1>&lt=60&lwm2m=9.7&b=U | </1/0>,</3/0> | 40     |
    Then the answer is 4.12

  @rule:register-version-supported @needs:raw-requests
  Scenario: A Register with an enabler version that is no version is refused
    Given device "c1" with a factory account of operator A
    When "c1" sends to server A:
      | method | path | query                          | payload       | format |
      | POST   | /rd  | ep=<c1>&lt=60&lwm2m=newest&b=U | </1/0>,</3/0> | 40     |
    Then the answer is 4.00 or 4.12

  @rule:register-parameters-valid @needs:raw-requests
  Scenario Outline: A Register whose <parameter> has no value of its kind is refused
    Given device "c1" with a factory account of operator A
    When "c1" sends to server A:
      | method | path | query   | payload       | format |
      | POST   | /rd  | <query> | </1/0>,</3/0> | 40     |
    Then the answer is 4.00

    Examples:
      | parameter | query                          |
      | lifetime  | ep=<c1>&lt=soon&lwm2m=1.1&b=U  |
      | binding   | ep=<c1>&lt=60&lwm2m=1.1&b=X    |
