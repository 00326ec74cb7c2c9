@bootstrap @judges:device @must @needs:plain-bootstrap
Feature: A device in a bootstrap

  The Bootstrap Server writes, the device answers; what counts is what it does after the Finish.

  @rule:device-ignores-unknown-optional
  Scenario: Optional resources that a device does not know are no error
    Given device "c1" speaks LwM2M 1.0
    And the Bootstrap Server is configured to give "c1" an account of operator A with:
      | priority   | 1 |
      | retryCount | 3 |
    When "c1" starts
    Then "c1" accepts the Writes of /1
    And "c1" registers with server A

  # The twin: the same Write to a device that knows them.
  @rule:device-ignores-unknown-optional
  Scenario: Optional resources that a device knows are no error either
    Given device "c1" speaks LwM2M 1.1
    And the Bootstrap Server is configured to give "c1" an account of operator A with:
      | priority   | 1 |
      | retryCount | 3 |
    When "c1" starts
    Then "c1" accepts the Writes of /1
    And "c1" registers with server A

  @rule:device-waits-for-finish @needs:faults
  Scenario: A device registers after the Finish, not before
    Given the Bootstrap Server is configured to give "c1" an account of operator A
    And the Bootstrap Server holds the first "bootstrap-finish" of "c1"
    When "c1" starts
    And the Bootstrap Server is held at "bootstrap-finish"
    Then "c1" does not register with server A meanwhile
    When the Bootstrap Server lets "bootstrap-finish" go
    Then "c1" registers with server A

  @rule:device-gives-bootstrap-up @needs:faults @slow
  Scenario: A device that gets no Finish gives the bootstrap up and asks again
    Given the Bootstrap Server is configured to give "c1" an account of operator A
    And the Bootstrap Server holds the first "bootstrap-finish" of "c1"
    When "c1" starts
    And the Bootstrap Server is held at "bootstrap-finish"
    Then "c1" asks for its bootstrap once more
