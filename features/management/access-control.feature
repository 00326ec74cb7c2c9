@management @judges:device @must @rule:device-access-control
Feature: Access control between two operators

  With several Server accounts a device grants each server what its access control instances say.

  Background:
    Given device "c1" with a factory account of operator A
    And device "c1" with a factory account of operator B
    And operator A owns /3/0 of "c1", on which the other one may "read"
    And "c1" starts
    And "c1" is registered with operator A
    And "c1" is registered with operator B

  Scenario Outline: The owner may <what>
    When operator A <operation> of "c1"
    Then the answer is <code>

    Examples:
      | what    | operation              | code |
      | read    | reads /3/0/0           | 2.05 |
      | write   | writes "+01" to /3/0/14 | 2.04 |
      | execute | executes /3/0/12       | 2.04 |

  Scenario Outline: The other operator, who may read, is answered <code> when it <operation>
    When operator B <operation> of "c1"
    Then the answer is <code>

    Examples:
      | operation               | code |
      | reads /3/0/0            | 2.05 |
      | observes /3/0/14        | 2.05 |
      | writes "+01" to /3/0/14 | 4.01 |
      | executes /3/0/12        | 4.01 |
      | reads /1/A/1            | 4.01 |
