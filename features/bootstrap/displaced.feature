@bootstrap @judges:bootstrap-server @profile @needs:faults @needs:plain-bootstrap
Feature: A second Bootstrap-Request

  A device that asks again has given up what was going on: the session before ends, and one only goes on. The same message once more is no second request.

  @rule:ORD-5 @rule:session-displaced @needs:misbehaviour
  Scenario: A second Bootstrap-Request ends the session before it
    Given the Bootstrap Server is configured to give "c1" an account of operator A
    And the Bootstrap Server holds the first "bootstrap-write" of "c1"
    And the Bootstrap Server holds the first "bootstrap-finish" of "c1"
    When "c1" starts
    And the Bootstrap Server is held at "bootstrap-write"
    And "c1" sends to the Bootstrap Server:
      | method | path | query             |
      | POST   | /bs  | ep=<c1>&pct=11542 |
    And the Bootstrap Server is held at "bootstrap-finish"
    And the Bootstrap Server lets "bootstrap-write" go
    Then by "ORD-5" each step of the newest session of "c1" comes once
    When the Bootstrap Server lets "bootstrap-finish" go
    Then "c1" completes its bootstrap
    And by "session-displaced" each step of the newest session of "c1" comes once

  @rule:session-displaced @needs:misbehaviour
  Scenario: A Bootstrap-Request that is transmitted twice leaves the session alone
    Given the Bootstrap Server is configured to give "c1" an account of operator A
    And the Bootstrap Server holds the first "bootstrap-write" of "c1"
    When "c1" starts
    And the Bootstrap Server is held at "bootstrap-write"
    And "c1" sends its Bootstrap-Request once more, as the same message
    And the Bootstrap Server lets "bootstrap-write" go
    Then "c1" completes its bootstrap
    And by "session-displaced" each step of the newest session of "c1" comes once
