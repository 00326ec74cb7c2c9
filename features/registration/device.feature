@registration @judges:device @must
Feature: A device and its registrations

  What a device states when it registers, and what it does so that it stays registered. The LwM2M Servers are the witnesses.

  @rule:device-registers
  Scenario Outline: A device of LwM2M <version> says what it is
    Given device "c1" speaks LwM2M <version>
    And device "c1" with a factory account of operator A and a lifetime of 77 s
    When "c1" starts
    Then "c1" states to server A:
      | lwm2m    | <version> |
      | lifetime | 77        |
      | binding  | U         |
    And the object list of "c1" at server A has "/1/0, /3/0" and nothing of /0 or /21

    Examples:
      | version |
      | 1.0     |
      | 1.1     |

  @rule:device-registers @like:int-950
  Scenario: A device with two accounts registers with both servers
    Given device "c1" with a factory account of operator A
    And device "c1" with a factory account of operator B
    When "c1" starts
    Then "c1" registers with server A
    And "c1" registers with server B

  @rule:device-registration-order @needs:faults
  Scenario: A device registers in the order of its accounts
    Given device "c1" with a factory account of operator A
    And device "c1" with a factory account of operator B
    And device "c1" registers with operator B before operator A
    And server B holds "register" of "c1"
    When "c1" starts
    And server B is held at "register"
    Then "c1" does not register with server A meanwhile
    When server B lets "register" go
    Then "c1" registers with server A

  @rule:device-updates
  Scenario: A device renews its registration before it expires
    Given device "c1" is registered with operator A for 3 s
    Then "c1" renews its registration with server A within its lifetime of 3 s

  @rule:device-registers-anew @needs:faults @like:int-105
  Scenario: A device whose Update is refused registers anew
    Given device "c1" is registered with operator A
    And server A refuses "update" of "c1" with 4.04
    When "c1" updates its registration with operator A
    Then "c1" sends a Register to server A after the Update

  @rule:device-update-trigger @like:int-104
  Scenario: Execute of the Registration Update Trigger
    Given device "c1" is registered with operator A
    When operator A executes /1/A/8 of "c1"
    Then the answer is 2.04
    And "c1" sends an Update to server A after the Execute

  @rule:device-announces-lifetime @like:int-107
  Scenario: A lifetime that was written is announced
    Given device "c1" is registered with operator A
    When operator A writes "123" to /1/A/1 of "c1"
    Then the answer is 2.04
    And "c1" sends an Update to server A after the Write
    And "c1" states to server A:
      | lifetime | 123 |

  @rule:device-disable
  Scenario: A disabled device leaves and comes back
    Given device "c1" is registered with operator A
    When operator A writes "1" to /1/A/5 of "c1"
    And operator A executes /1/A/4 of "c1"
    Then the answer is 2.04
    And "c1" sends a De-register to server A after the Execute
    And "c1" sends a Register to server A after the Execute, 1 s or more later

  @rule:device-tries-again @needs:faults
  Scenario: A device whose Register was lost tries again before it asks for a bootstrap
    Given device "c1" with a bootstrap account
    And device "c1" with a factory account of operator A
    And server A does not answer the first "register" of "c1"
    When "c1" starts
    Then "c1" tries again at server A, and asks for no bootstrap

  @rule:device-tries-again @needs:faults
  Scenario: A device whose Update was lost tries again before it asks for a bootstrap
    Given device "c1" with a bootstrap account
    And device "c1" is registered with operator A
    And server A does not answer the first "update" of "c1"
    When "c1" updates its registration with operator A
    Then "c1" tries again at server A, and asks for no bootstrap
