@SM-2 @needs:queue-mode
Feature: SM-2, a trigger waits for a sleeping device

  In queue mode a device hears nothing until it has sent something itself. What waits for it goes out in order, unless its time is over or it was withdrawn.

  @judges:bootstrap-server @profile @rule:trigger-requested @rule:trigger-truth @rule:item-truthful
  Scenario: A sleeper's trigger is queued, and confirmed after it has woken
    Given device "c1" is "sleepy"
    And device "c1" is provisioned by operator A
    And operator A changes its account to:
      | lifetime | 90 |
    And "c1" sleeps
    When operator A orders to update "c1"
    Then server A is asked to trigger "c1"
    And server A says that the trigger of "c1" is "queued"
    And the trigger of "c1" comes to "queued"
    When "c1" wakes
    Then "c1" is triggered by server A
    And the trigger of "c1" ends as "confirmed"
    And the item of "c1" ends as "confirmed"

  @judges:bootstrap-server @profile @slow @rule:trigger-truth @rule:item-truthful
  Scenario: A sleeper that does not wake lets the trigger expire
    Given device "c1" is "sleepy"
    And device "c1" is provisioned by operator A
    And operator A changes its account to:
      | lifetime | 90 |
    And "c1" sleeps
    When operator A orders to update "c1" with:
      | maxAttempts     | 1    |
      | triggerValidity | PT1S |
    Then server A says that the trigger of "c1" has expired
    And the trigger of "c1" ends as "expired"
    And the item of "c1" ends as "failed(timeout) | awaiting-client"

  @judges:bootstrap-server @profile @rule:trigger-truth @rule:item-truthful @rule:cancel-withdraws
  Scenario: A cancelled order withdraws what waits for the sleeper
    Given device "c1" is "sleepy"
    And device "c1" is provisioned by operator A
    And operator A changes its account to:
      | lifetime | 90 |
    And "c1" sleeps
    When operator A orders to update "c1"
    Then server A says that the trigger of "c1" is "queued"
    When operator A cancels its order
    Then the item of "c1" ends as "cancelled"
    And server A says that the trigger of "c1" is withdrawn with the order
    And the trigger of "c1" ends as "withdrawn"

  @judges:lwm2m-server @profile @rule:trigger-executes @rule:trigger-execute-once
  Scenario: What waits for a sleeper is executed once it has woken
    Given device "c1" is "sleepy"
    And device "c1" is registered with operator A
    And "c1" sleeps
    When the Bootstrap Server asks server A to trigger "c1"
    Then server A says that the trigger of "c1" is "queued"
    When "c1" wakes
    Then "c1" is triggered by server A
    And exactly 1 Execute of the bootstrap trigger reaches "c1"

  @judges:lwm2m-server @profile @rule:trigger-withdrawn
  Scenario: A trigger that was withdrawn while the device slept is not sent
    Given device "c1" is "sleepy"
    And device "c1" is registered with operator A
    And "c1" sleeps
    And the Bootstrap Server asks server A to trigger "c1"
    And server A says that the trigger of "c1" is "queued"
    When the Bootstrap Server withdraws its trigger of "c1" at server A
    And operator A wants to read /3/0/0 of "c1"
    And "c1" wakes
    Then this reaches "c1": /3/0/0
    And no Execute of the bootstrap trigger reaches "c1"

  @judges:lwm2m-server @profile @slow @rule:trigger-withdrawn
  Scenario: A trigger whose validity ended while the device slept is not sent
    Given device "c1" is "sleepy"
    And device "c1" is registered with operator A
    And "c1" sleeps
    And the Bootstrap Server asks server A to trigger "c1" with:
      | validity | PT1S |
    And server A says that the trigger of "c1" is "queued"
    Then server A says that the trigger of "c1" has expired
    When operator A wants to read /3/0/0 of "c1"
    And "c1" wakes
    Then this reaches "c1": /3/0/0
    And no Execute of the bootstrap trigger reaches "c1"

  @judges:lwm2m-server @must @rule:queue-held
  Scenario: What an operator asks of a sleeper waits until it has woken
    Given device "c1" is "sleepy"
    And device "c1" is registered with operator A
    And "c1" sleeps
    And operator A wants to read /3/0/0 of "c1"
    When "c1" wakes
    Then this reaches "c1": /3/0/0

  @judges:lwm2m-server @must @rule:queue-order
  Scenario: Requests and the trigger reach a sleeper in the order they came
    Given device "c1" is "sleepy"
    And device "c1" is registered with operator A
    And "c1" sleeps
    And operator A wants to read /3/0/0 of "c1"
    And the Bootstrap Server asks server A to trigger "c1"
    And operator A wants to read /3/0/1 of "c1"
    When "c1" wakes
    Then these reach "c1" in this order: /3/0/0, /1/0/9, /3/0/1

  @judges:lwm2m-server @profile @rule:trigger-flood @rule:trigger-execute-once
  Scenario: Many triggers for a sleeper become one
    Given device "c1" is "sleepy"
    And device "c1" is registered with operator A
    And "c1" sleeps
    When the Bootstrap Server asks server A 12 times at once to trigger "c1"
    And "c1" wakes
    Then "c1" is triggered by server A
    And exactly 1 Execute of the bootstrap trigger reaches "c1"
