@reporting @judges:device @must
Feature: Observe and Notify

  A LwM2M Server that observes something on a device is told of its changes, as its attributes say.

  Background:
    Given device "c1" is registered with operator A

  @rule:device-observe @like:int-301
  Scenario: A change is notified
    When operator A observes /3303/0/5700 of "c1"
    Then the answer is 2.05
    When /3303/0/5700 of "c1" becomes "21.5"
    Then server A is notified that /3303/0/5700 of "c1" is "21.5"

  @rule:device-observe
  Scenario Outline: An Observe of <what> is answered <code>
    When operator A observes <path> of "c1"
    Then the answer is <code>

    Examples:
      | what                          | path     | code |
      | an instance                   | /3303/0  | 2.05 |
      | an instance that is not there | /3303/77 | 4.04 |
      | an executable resource        | /3/0/4   | 4.05 |

  @slow @rule:device-notification-periods
  Scenario: Changes within pmin are notified once, when it is over
    When operator A observes /3303/0/5700 of "c1" with "pmin=1"
    And /3303/0/5700 of "c1" becomes "21.5"
    And /3303/0/5700 of "c1" becomes "22.5"
    Then server A is notified that /3303/0/5700 of "c1" is "22.5"
    And server A is notified of /3303/0/5700 of "c1" not sooner than 1 s after its Observe
    And the notifications of /3303/0/5700 of "c1" to server A are "22.5"

  # The twin: the same changes without pmin. The second waits for the first to be told: an observer is promised the newest state, not each one (RFC 7641 §1.3).
  @rule:device-notification-periods
  Scenario: Without pmin each change is notified
    When operator A observes /3303/0/5700 of "c1"
    And /3303/0/5700 of "c1" becomes "21.5"
    Then server A is notified that /3303/0/5700 of "c1" is "21.5"
    When /3303/0/5700 of "c1" becomes "22.5"
    Then server A is notified that /3303/0/5700 of "c1" is "22.5"
    And the notifications of /3303/0/5700 of "c1" to server A are "21.5, 22.5"

  @slow @rule:device-notification-periods
  Scenario: Without any change a notification comes by pmax
    When operator A observes /3303/0/5700 of "c1" with "pmax=1"
    Then server A is notified of /3303/0/5700 of "c1" within 1 s

  # The twin: no change, and no pmax.
  @rule:device-notification-periods
  Scenario: Without any change and without pmax nothing is notified
    When operator A observes /3303/0/5700 of "c1"
    Then the notifications of /3303/0/5700 of "c1" to server A are ""

  @rule:device-notification-conditions
  Scenario: A change is notified where it passes a threshold
    When operator A observes /3303/0/5700 of "c1" with "gt=25"
    And /3303/0/5700 of "c1" becomes "24"
    Then the notifications of /3303/0/5700 of "c1" to server A are ""
    When /3303/0/5700 of "c1" becomes "26"
    Then server A is notified that /3303/0/5700 of "c1" is "26"

  @rule:device-observation-ends
  Scenario: A cancelled observation is not notified any more
    When operator A observes /3303/0/5700 of "c1"
    And /3303/0/5700 of "c1" becomes "21.5"
    Then server A is notified that /3303/0/5700 of "c1" is "21.5"
    When operator A cancels the observation of /3303/0/5700 of "c1"
    Then the answer is 2.05
    When /3303/0/5700 of "c1" becomes "22.5"
    Then the notifications of /3303/0/5700 of "c1" to server A are "21.5"

  @rule:device-observation-ends
  Scenario: A notification answered with a reset was the last one
    When operator A observes /3303/0/5700 of "c1"
    And operator A forgets the observation of /3303/0/5700 of "c1", so that its next notification is answered with a reset
    And /3303/0/5700 of "c1" changes until operator A has answered a notification of it with a reset
    And /3303/0/5700 of "c1" becomes "22.5"
    Then nothing is notified of /3303/0/5700 of "c1" to server A after the reset

  @rule:device-observation-ends
  Scenario: A new registration ends the observations of the one before
    When operator A observes /3303/0/5700 of "c1"
    And "c1" registers again with operator A
    And /3303/0/5700 of "c1" becomes "21.5"
    Then the notifications of /3303/0/5700 of "c1" to server A are ""
