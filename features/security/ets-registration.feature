@must @needs:psk
Feature: Enabler test cases of registration and of device management, in their own configuration

  C.1: Short Server ID 1, lifetime 86400 s, nothing stored, binding U; over PSK. C.3: C.1 with pmin 1 s, pmax 10 s and a disable timeout of 86400 s.

  Background:
    Given operator A has Short Server ID 1 on the devices of this scenario

  @ETS:LightweightM2M-1.1-int-101 @registration @judges:lwm2m-server @rule:register-accepted @rule:register-location
  Scenario: int-101, the server: initial registration
    Given device "c1" is in configuration C.1 of operator A
    When "c1" starts
    Then the Register of "c1" is answered 2.01
    And "c1" is given a location by server A
    And server A lists "c1" with a lifetime of 86400 s

  @ETS:LightweightM2M-1.1-int-101 @registration @judges:device @rule:device-registers
  Scenario: int-101, the device: initial registration
    Given device "c1" is in configuration C.1 of operator A
    When "c1" starts
    Then "c1" states to server A:
      | lwm2m    | 1.1   |
      | lifetime | 86400 |
      | binding  | U     |
    And the object list of "c1" at server A has "/1/0, /3/0" and nothing of /0 or /21

  @slow @ETS:LightweightM2M-1.1-int-102 @registration @judges:device @rule:device-announces-lifetime
  Scenario: int-102: registration update
    Given device "c1" is in configuration C.1 of operator A
    And "c1" starts
    And "c1" is registered with operator A
    When operator A writes "20" to /1/A/1 of "c1"
    Then the answer is 2.04
    And "c1" sends an Update to server A after the Write
    And "c1" states to server A:
      | lifetime | 20 |
    And "c1" sends an Update to server A after the Update, 10 s or more later

  @ETS:LightweightM2M-1.1-int-103 @registration @judges:device @rule:device-disable
  Scenario: int-103: deregistration
    Given device "c1" is in configuration C.3 of operator A
    And "c1" starts
    And "c1" is registered with operator A
    When operator A executes /1/A/4 of "c1"
    Then the answer is 2.04
    And "c1" sends a De-register to server A after the Execute
    And by "deregister" the De-register of "c1" is answered 2.02 by server A
    And "c1" is not registered with operator A any more

  @slow @ETS:LightweightM2M-1.1-int-104 @registration @judges:device @rule:device-update-trigger
  Scenario: int-104: registration update trigger
    Given device "c1" is in configuration C.1 of operator A, with a lifetime of 20 s
    And "c1" starts
    And "c1" is registered with operator A
    When operator A executes /1/A/8 of "c1"
    Then the answer is 2.04
    And "c1" sends an Update to server A after the Execute
    And the Update of "c1" at server A has no parameters and is answered 2.04
    And server A lists "c1" beyond the lifetime of 20 s

  @ETS:LightweightM2M-1.1-int-105 @registration @judges:device @rule:device-registers-anew @needs:misbehaviour
  Scenario: int-105: discarded register update
    Given device "c1" is in configuration C.1 of operator A
    And "c1" starts
    And "c1" is registered with operator A
    # Behind the back of what the device believes: its registration is gone.
    And "c1" sends to server A:
      | method | path          |
      | DELETE | <c1.location> |
    When "c1" updates its registration with operator A
    Then by "update-unknown-location" the answer is 4.04
    And "c1" sends a Register to server A after the Update

  @ETS:LightweightM2M-1.1-int-201 @management @judges:device @rule:device-read
  Scenario Outline: int-201: <path> in plain text
    Given device "c1" is in configuration C.1 of operator A
    And "c1" starts
    And "c1" is registered with operator A
    When operator A reads <path> of "c1" in content format 0
    Then the answer is 2.05
    And the value is "<value>"

    Examples:
      | path   | value            |
      | /3/0/0 | Muster           |
      | /3/0/1 | simulated device |
      | /3/0/2 | <c1>             |

  @ETS:LightweightM2M-1.1-int-203 @management @judges:device @rule:device-read
  Scenario: int-203: the Device object in TLV
    Given device "c1" is in configuration C.1 of operator A
    And "c1" starts
    And "c1" is registered with operator A
    When operator A reads /3/0 of "c1" in content format 11542
    Then the answer is 2.05
    And the answer has a value of each of "/3/0/0, /3/0/1, /3/0/2, /3/0/3, /3/0/11, /3/0/16"
    And the answer has:
      | /3/0/16 | U |
