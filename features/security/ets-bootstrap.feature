@bootstrap @must @needs:psk @needs:plain-bootstrap
Feature: Enabler test cases of the bootstrap interface, in their own configurations

  C.13: a device with the account of its Bootstrap Server in /0/1 and no other. C.1: Short Server ID 1, lifetime 86400 s, nothing stored, binding U; over PSK.

  Background:
    Given operator A has Short Server ID 1 on the devices of this scenario
    And device "c1" is in configuration C.13

  @ETS:LightweightM2M-1.1-int-0 @judges:bootstrap-server @rule:bootstrap-request @rule:account-fields @rule:finish-last
  Scenario: int-0, the Bootstrap Server: client-initiated bootstrap
    Given the Bootstrap Server is configured to give "c1" account C.1 of operator A
    When "c1" starts
    Then the Bootstrap-Request of "c1" is answered 2.04
    And "c1" completes its bootstrap
    And Finish is the last operation of the session of "c1"
    And the account of operator A on "c1" has:
      | ssid     | 1     |
      | lifetime | 86400 |
      | binding  | U     |

  @ETS:LightweightM2M-1.1-int-0 @judges:device @rule:device-bootstrap-operations
  Scenario: int-0, the device: client-initiated bootstrap
    Given the Bootstrap Server is configured to give "c1" account C.1 of operator A, and:
      """
      { "after": [{ "operation": "discover", "path": "/" }] }
      """
    When "c1" starts
    Then "c1" answers the Writes of its session 2.04
    # What it was given is the Bootstrap Server's affair.
    And the account of operator A on "c1" has:
      | ssid | 1 |
    And "c1" answers the last Bootstrap-Discover of its session with "</0/0>;ssid=1, </0/1>, </1/0>;ssid=1, </3/0>" and the enabler version
    And "c1" answers the Finish of its session 2.04

  @ETS:LightweightM2M-1.1-int-1 @judges:device @rule:device-bootstrap-operations @rule:device-registers
  Scenario: int-1: bootstrap, then registration over PSK
    Given the Bootstrap Server is configured to give "c1" account C.1 of operator A, and:
      """
      { "after": [{ "operation": "discover", "path": "/" }] }
      """
    When "c1" starts
    Then the Bootstrap-Request of "c1" is answered 2.04
    And "c1" answers the Writes of its session 2.04
    And the account of operator A on "c1" has:
      | ssid | 1 |
    And "c1" answers the last Bootstrap-Discover of its session with "</0/0>;ssid=1, </0/1>, </1/0>;ssid=1, </3/0>" and the enabler version
    And "c1" answers the Finish of its session 2.04
    And "c1" sends a Register to server A after its Finish
    And "c1" states to server A:
      | lifetime | 86400 |
      | binding  | U     |
    And "c1" has come to server A in a session made with its key

  @ETS:LightweightM2M-1.1-int-4 @judges:device @rule:device-bootstrap-operations @rule:device-registers
  Scenario: int-4: Bootstrap-Delete spares the account of the Bootstrap Server
    Given the Bootstrap Server is configured to give "c1" account C.1 of operator A
    And "c1" starts
    And "c1" is registered with operator A
    And the Bootstrap Server is configured to give "c1" account C.1 of operator A, and:
      """
      { "before": [
          { "operation": "discover", "path": "/" }, { "operation": "read", "path": "/1" },
          { "operation": "delete", "path": "/0" }, { "operation": "delete", "path": "/1" },
          { "operation": "discover", "path": "/" }, { "operation": "read", "path": "/1" }
      ] }
      """
    When "c1" asks for a bootstrap
    Then "c1" answers the first Bootstrap-Read of /1 of its session 2.05
    And "c1" answers the Bootstrap-Delete of /0 of its session 2.02
    And "c1" answers the Bootstrap-Delete of /1 of its session 2.02
    And "c1" answers the last Bootstrap-Discover of its session with "</0/1>" and without "</0/0>, </1/0>"
    And "c1" answers the last Bootstrap-Read of /1 of its session 4.04
    And "c1" answers the Finish of its session 2.04
    And "c1" sends a Register to server A after its Finish

  @ETS:LightweightM2M-1.1-int-5 @judges:device @rule:device-bootstraps-on-trigger
  Scenario: int-5: server-initiated bootstrap
    Given the Bootstrap Server is configured to give "c1" account C.1 of operator A
    And "c1" starts
    And "c1" is registered with operator A
    When operator A executes /1/A/9 of "c1"
    Then the answer is 2.04
    And "c1" asks for a bootstrap because of the trigger
    And "c1" answers the Finish of its session 2.04

  @ETS:LightweightM2M-1.1-int-7 @judges:device @rule:device-falls-back @rule:device-registers
  Scenario: int-7: fallback to bootstrap
    Given device "c1" also has an account of a server that is not there
    And the Bootstrap Server is configured to give "c1" account C.1 of operator A, and:
      """
      { "keepOthers": false }
      """
    When "c1" starts
    Then "c1" falls back to its Bootstrap Server
    And "c1" answers the Finish of its session 2.04
    And "c1" sends a Register to server A after its Finish

  @ETS:LightweightM2M-1.1-int-8 @judges:device @rule:device-bootstrap-operations
  Scenario: int-8: Bootstrap-Read of the Server and Access Control objects
    Given the Bootstrap Server is configured to give "c1" account C.1 of operator A, and:
      """
      { "writes": [{ "path": "/2/0", "resources": { "0": 3, "1": 0, "2": { "0": 31 }, "3": 65535 } }],
        "after": [{ "operation": "read", "path": "/1" }, { "operation": "read", "path": "/2" }] }
      """
    When "c1" starts
    Then "c1" answers the Writes of its session 2.04
    And "c1" answers the Bootstrap-Read of /1 of its session 2.05
    And "c1" answers the Bootstrap-Read of /2 of its session 2.05
    And "c1" answers the Finish of its session 2.04

  @ETS:LightweightM2M-1.1-int-9 @judges:device @rule:device-bootstrap-operations @rule:device-checks-configuration
  Scenario: int-9: a Finish without a complete account is refused
    Given the Bootstrap Server is configured to write to "c1", and to give it no account:
      """
      { "writes": [{ "path": "/1/0", "resources": { "5": 86400 } }] }
      """
    When "c1" starts
    Then "c1" answers the Writes of its session 2.04
    And by "device-checks-configuration" "c1" answers the Finish of its session 4.06
