@SM-3 @judges:lwm2m-server @profile @nosec
Feature: SM-3, what a LwM2M Server does with the credentials it is told

  The harness stands in the place of the Bootstrap Server; no order and no session is involved.

  @rule:activation-effective @rule:admission @rule:staged-not-usable
  Scenario: The same Register is refused before the activation and accepted after it
    Given device "c1" has an account of operator B that its server was not told
    When the Bootstrap Server sends to server B PUT /smp/v1/clients/<c1>/credentials/cr-1 with:
      """
      {"version": 1, "ssid": <B.ssid>, "mode": "nosec"}
      """
    And "c1" starts
    And the first Register of "c1" is answered
    Then by "staged-not-usable" the answer is 4.00 or 4.01 or 4.03
    And server B does not list "c1"
    When the Bootstrap Server sends to server B PUT /smp/v1/clients/<c1>/credentials/cr-1/activation with:
      """
      {"version": 1, "sessionId": 1}
      """
    And "c1" registers again with operator B
    Then by "activation-effective" the answer is 2.01

  @rule:version-regression
  Scenario: The same version with the same body has the same answer
    Given device "c1" with a bootstrap account
    When the Bootstrap Server sends to server B PUT /smp/v1/clients/<c1>/credentials/cr-1 with:
      """
      {"version": 2, "ssid": <B.ssid>, "mode": "nosec"}
      """
    Then the answer is 201
    When the Bootstrap Server sends to server B PUT /smp/v1/clients/<c1>/credentials/cr-1 with:
      """
      {"version": 2, "ssid": <B.ssid>, "mode": "nosec"}
      """
    Then the answer is the same as the one before

  @rule:version-regression
  Scenario Outline: <what> is refused, and the version before stays
    Given device "c1" with a bootstrap account
    When the Bootstrap Server sends to server B PUT /smp/v1/clients/<c1>/credentials/cr-1 with:
      """
      {"version": 2, "ssid": <B.ssid>, "mode": "nosec", "overlapSeconds": 60}
      """
    Then the answer is 201
    When the Bootstrap Server sends to server B PUT /smp/v1/clients/<c1>/credentials/cr-1 with:
      """
      {"version": <version>, "ssid": <B.ssid>, "mode": "nosec", "overlapSeconds": <overlap>}
      """
    Then the answer is 409 "version-regression"
    When the Bootstrap Server sends to server B GET /smp/v1/clients/<c1>/credentials/cr-1
    Then the answer has:
      | version        | 2  |
      | overlapSeconds | 60 |

    Examples:
      | what                             | version | overlap |
      | A lower version                  | 1       | 60      |
      | The same version, another body   | 2       | 61      |

  @rule:ORD-5
  Scenario: The activation of a displaced session is refused
    Given device "c1" with a bootstrap account
    When the Bootstrap Server sends to server B PUT /smp/v1/clients/<c1>/credentials/cr-1 with:
      """
      {"version": 1, "ssid": <B.ssid>, "mode": "nosec"}
      """
    Then the answer is 201
    When the Bootstrap Server sends to server B PUT /smp/v1/clients/<c1>/credentials/cr-1/activation with:
      """
      {"version": 1, "sessionId": 7}
      """
    Then the answer is 204
    When the Bootstrap Server sends to server B GET /smp/v1/clients/<c1>/credentials/cr-1
    Then by "activation-effective" the answer has:
      | state | active |
    When the Bootstrap Server sends to server B PUT /smp/v1/clients/<c1>/credentials/cr-1/activation with:
      """
      {"version": 1, "sessionId": 6}
      """
    Then the answer is 409 "session-displaced"

  @rule:rollback
  Scenario: An activation that is taken back admits nobody any more
    Given device "c1" has an account of operator B that its server was not told
    When the Bootstrap Server sends to server B PUT /smp/v1/clients/<c1>/credentials/cr-1 with:
      """
      {"version": 1, "ssid": <B.ssid>, "mode": "nosec"}
      """
    And the Bootstrap Server sends to server B PUT /smp/v1/clients/<c1>/credentials/cr-1/activation with:
      """
      {"version": 1, "sessionId": 1}
      """
    Then the answer is 204
    When the Bootstrap Server sends to server B DELETE /smp/v1/clients/<c1>/credentials/cr-1/activation?version=1
    Then the answer is 204
    When the Bootstrap Server sends to server B GET /smp/v1/clients/<c1>/credentials/cr-1
    Then the answer has:
      | state | rolled-back |
    When "c1" starts
    And the first Register of "c1" is answered
    Then by "rollback" the answer is 4.00 or 4.01 or 4.03

  @rule:revocation-effective
  Scenario: With the credential go the registration and the admission
    Given device "c1" has an account of operator B that its server was not told
    And the Bootstrap Server sends to server B PUT /smp/v1/clients/<c1>/credentials/cr-1 with:
      """
      {"version": 1, "ssid": <B.ssid>, "mode": "nosec"}
      """
    And the Bootstrap Server sends to server B PUT /smp/v1/clients/<c1>/credentials/cr-1/activation with:
      """
      {"version": 1, "sessionId": 1}
      """
    And "c1" starts
    And "c1" is registered with operator B
    When the Bootstrap Server sends to server B DELETE /smp/v1/clients/<c1>/credentials/cr-1?version=1
    Then the answer is 204
    And server B has dropped the registration of "c1"
    When "c1" registers again with operator B
    Then by "revocation-effective" the answer is 4.00 or 4.01 or 4.03

  @needs:queue-mode @rule:revocation-effective
  Scenario: With the credential go the triggers that wait for the device
    Given device "c1" is "sleepy"
    And device "c1" is provisioned by operator B
    And "c1" sleeps
    And the Bootstrap Server asks server B to trigger "c1"
    And server B says that the trigger of "c1" is "queued"
    When the Bootstrap Server sends to server B DELETE /smp/v1/clients/<c1>/credentials/<B.account>?version=1
    Then the answer is 204
    And server B says that the trigger of "c1" is withdrawn with the credential

  @rule:credential-batch
  Scenario: A bad item of a batch spoils no other
    Given device "c1" with a bootstrap account
    And device "c2" with a bootstrap account
    When the Bootstrap Server sends to server B POST /smp/v1/credentials:batch with:
      """
      {"items": [
        {"operation": "stage", "ep": "<c1>", "credentialId": "cr-1", "credential": {"version": 1, "ssid": <B.ssid>, "mode": "nosec"}},
        {"operation": "stage", "ep": "<c1>", "credentialId": "cr-2", "credential": {"version": 0, "ssid": <B.ssid>, "mode": "nosec"}},
        {"operation": "stage", "ep": "<c2>", "credentialId": "cr-1", "credential": {"version": 1, "ssid": <B.ssid>, "mode": "nosec"}}
      ]}
      """
    Then the answer is 200
    And the results of the batch are "201, 400, 201"
    When the Bootstrap Server sends to server B GET /smp/v1/clients/<c2>/credentials/cr-1
    Then the answer has:
      | state | staged |

  @rule:tenant-isolation
  Scenario: A device of another operator does not exist for this server
    Given device "b:c1" with a bootstrap account
    And device "a:c2" with a bootstrap account
    When the Bootstrap Server sends to server B PUT /smp/v1/clients/<b:c1>/credentials/cr-1 with:
      """
      {"version": 1, "ssid": <B.ssid>, "mode": "nosec"}
      """
    Then the answer is 201
    When the Bootstrap Server sends to server B PUT /smp/v1/clients/<a:c2>/credentials/cr-1 with:
      """
      {"version": 1, "ssid": <B.ssid>, "mode": "nosec"}
      """
    Then the answer is 404 "not-found"
