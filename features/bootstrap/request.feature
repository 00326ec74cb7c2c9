@bootstrap @judges:bootstrap-server
Feature: Answers to a Bootstrap-Request

  What the request says decides whether a session begins.

  @nosec @must @rule:bootstrap-request-unknown @rule:bootstrap-request-codes
  Scenario: An unknown device is refused
    Given the Bootstrap Server does not know "x:c1"
    When "x:c1" starts
    Then the Bootstrap-Request of "x:c1" is turned away
    And the Bootstrap-Request of "x:c1" is answered 4.00

  # The twin of the two that follow, each of which differs in one parameter.
  @must @rule:bootstrap-request @needs:raw-requests @needs:plain-bootstrap
  Scenario: A complete Bootstrap-Request is accepted
    Given the Bootstrap Server is configured to give "c1" an account of operator A
    When "c1" sends to the Bootstrap Server:
      | method | path | query              |
      | POST   | /bs  | ep=<c1>&pct=11542  |
    Then the answer is 2.04

  @nosec @must @rule:bootstrap-request-codes @needs:raw-requests @needs:plain-bootstrap
  Scenario: A Bootstrap-Request that names no endpoint is refused
    Given the Bootstrap Server is configured to give "c1" an account of operator A
    When "c1" sends to the Bootstrap Server:
      | method | path | query     |
      | POST   | /bs  | pct=11542 |
    Then the answer is 4.00

  @should @rule:bootstrap-request-format @needs:raw-requests @needs:plain-bootstrap
  Scenario: A preferred content format that nobody writes is refused
    Given the Bootstrap Server is configured to give "c1" an account of operator A
    When "c1" sends to the Bootstrap Server:
      | method | path | query             |
      | POST   | /bs  | ep=<c1>&pct=64999 |
    Then the answer is 4.15 or 4.00
