@bootstrap @judges:bootstrap-server @needs:misbehaviour
Feature: Bootstrap-Finish

  Finish tells the device that its configuration is complete: it comes last, and counts only when it was answered 2.04.

  @must @rule:finish-last @needs:plain-bootstrap
  Scenario: Finish comes after everything else, however late the device answers
    Given device "c1" answers Bootstrap-Write of /1 late
    And the Bootstrap Server is configured to give "c1" an account of operator A
    When "c1" starts
    Then Finish is the last operation of the session of "c1"

  @must @rule:finish-corrected @needs:plain-bootstrap
  Scenario: A Finish answered 4.06 is followed by a correction
    Given device "c1" is "finish-refused-once"
    And the Bootstrap Server is configured to give "c1" an account of operator A
    When "c1" starts
    Then the configuration of "c1" is corrected before the next Finish

  @profile @SM-1 @needs:sm1 @rule:write-refused
  Scenario: A bootstrap in which a Write was refused is not applied
    Given device "c1" is provisioned by operator A
    And "c1" becomes "refuses-write"
    And operator A changes its account to:
      | lifetime | 240 |
    When operator A orders to update "c1"
    Then the refused Write of "c1" does not count as applied

  @profile @SM-1 @needs:sm1 @rule:finish-unanswered @slow
  Scenario: A bootstrap whose Finish nobody answered is not applied
    Given device "c1" is provisioned by operator A
    And "c1" becomes "no-finish-answer"
    And operator A changes its account to:
      | lifetime | 240 |
    When operator A orders to update "c1"
    Then the unanswered Finish of "c1" does not count as applied

  # The twin of the two above: the same order, and a device that takes what it is written.
  @profile @SM-1 @needs:sm1 @rule:item-truthful
  Scenario: A bootstrap in which everything was answered 2.04 is applied
    Given device "c1" is provisioned by operator A
    And "c1" becomes "default"
    And operator A changes its account to:
      | lifetime | 240 |
    When operator A orders to update "c1"
    Then the item of "c1" ends as "confirmed"
    And the account of operator A on "c1" has:
      | lifetime | 240 |
