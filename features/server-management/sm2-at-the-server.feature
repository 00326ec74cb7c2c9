@SM-2 @judges:lwm2m-server @profile
Feature: SM-2 at the LwM2M Server, judged on its own

  The harness stands in the place of the Bootstrap Server. Whatever a device answers, the trigger ends as that answer shows, after one Execute.

  @rule:trigger-executes @rule:trigger-server-instance @rule:trigger-execute-once
  Scenario Outline: A <personality> device is triggered, and the trigger ends as <state>
    Given device "c1" is "<personality>"
    And device "c1" is provisioned by operator A
    When the Bootstrap Server asks server A to trigger "c1"
    Then "c1" is triggered by server A
    And server A says that the trigger of "c1" is "<state>"
    And exactly 1 Execute of the bootstrap trigger reaches "c1"

    Examples:
      | personality  | state                  |
      | default      | acknowledged           |
      | leshan-like  | acknowledged           |
      | anjay-like   | acknowledged           |
      | zephyr-like  | acknowledged           |
      | wakaama-like | refused \| unsupported |

  @rule:trigger-executes @rule:trigger-execute-once
  Scenario Outline: A <personality> device without a Bootstrap Server is triggered, and the trigger ends as <state>
    Given device "c1" is "<personality>"
    And device "c1" is registered with operator A
    When the Bootstrap Server asks server A to trigger "c1"
    Then "c1" is triggered by server A
    And server A says that the trigger of "c1" is "<state>"
    And exactly 1 Execute of the bootstrap trigger reaches "c1"

    Examples:
      | personality  | state                  |
      | leshan-like  | refused                |
      | anjay-like   | refused \| unsupported |
      | zephyr-like  | refused \| unsupported |
      | wakaama-like | refused \| unsupported |

  @rule:trigger-executes
  Scenario: A device without the resource: unsupported
    Given device "c1" is "no-trigger-resource"
    And device "c1" is registered with operator A
    When the Bootstrap Server asks server A to trigger "c1"
    Then server A says that the trigger of "c1" is "unsupported"

  @rule:trigger-executes
  Scenario: A device of LwM2M 1.0 has no such resource: unsupported
    Given device "c1" speaks LwM2M 1.0
    And device "c1" is registered with operator A
    When the Bootstrap Server asks server A to trigger "c1"
    Then server A says that the trigger of "c1" is "unsupported"

  @rule:trigger-executes
  Scenario: A device that has left: not registered
    Given device "c1" is registered with operator A
    And "c1" de-registers from operator A
    And "c1" is not registered with operator A any more
    When the Bootstrap Server asks server A to trigger "c1"
    Then server A says that the trigger of "c1" is "not-registered"

  @rule:trigger-executes
  Scenario: A device that never was there: not registered, or unknown
    Given device "c1" with a factory account of operator B
    When the Bootstrap Server asks server A to trigger "c1"
    Then server A says that the trigger of "c1" is "not-registered | unknown-client"

  @rule:trigger-server-instance @rule:trigger-executes
  Scenario: The Execute goes to the instance of the server's own account, wherever that is
    Given device "c1" with a factory account of operator A
    And the account of operator A on "c1" is instance 3
    And "c1" starts
    And "c1" is registered with operator A
    When the Bootstrap Server asks server A to trigger "c1"
    Then "c1" is triggered by server A

  @rule:trigger-server-instance @rule:trigger-executes
  Scenario: Of two accounts each server takes its own
    Given device "c1" is provisioned by operator A
    And device "c1" is provisioned by operator B
    When operator B reads /1/B/0 of "c1"
    Then by "access-control" the answer is 2.05
    When the Bootstrap Server asks server B to trigger "c1"
    Then "c1" is triggered by server B
    And server B says that the trigger of "c1" is "acknowledged"

  @needs:misbehaviour @rule:trigger-executes @rule:trigger-execute-once
  Scenario: An answer that comes late ends the trigger all the same, after one Execute
    Given device "c1" answers a trigger late
    And device "c1" is registered with operator A
    When the Bootstrap Server asks server A to trigger "c1"
    Then "c1" is triggered by server A
    And server A says that the trigger of "c1" is "acknowledged"
    And exactly 1 Execute of the bootstrap trigger reaches "c1"

  @needs:misbehaviour @slow @rule:trigger-executes @rule:trigger-execute-once
  Scenario: An Execute that nobody answers may have been carried out: it is not sent anew
    Given device "c1" executes a trigger and never answers it
    And device "c1" is registered with operator A
    When the Bootstrap Server asks server A to trigger "c1" with:
      | validity | PT1S |
    Then "c1" is triggered by server A
    And server A says that the trigger of "c1" is "expired"
    And exactly 1 Execute of the bootstrap trigger reaches "c1"
