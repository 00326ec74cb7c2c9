@SM-2 @judges:lwm2m-server @profile
Feature: A LwM2M Server keeps tenants apart, and secrets to itself

  @rule:tenant-isolation
  Scenario Outline: <method> <what> of another tenant's device: it does not exist
    Given device "b:c1" is registered with operator B
    When the Bootstrap Server sends to server A <method> <path> with:
      """
      <body>
      """
    Then the answer is 404 "not-found"

    Examples:
      | method | what            | path                                                   | body                                                                 |
      | POST   | a trigger       | /smp/v1/triggers                                       | { "ep": "<b:c1>", "reason": "operator" }                             |
      | GET    | reachability    | /smp/v1/reachability/<b:c1>                            |                                                                      |
      | PUT    | a credential    | /smp/v1/clients/<b:c1>/credentials/harness             | { "version": 1, "ssid": <A.ssid>, "mode": "nosec" }                  |

  @rule:tenant-isolation
  Scenario: The same questions about its own device are answered
    Given device "a:c1" is registered with operator A
    When the Bootstrap Server sends to server A GET /smp/v1/reachability/<a:c1>
    Then the answer is 200
    When the Bootstrap Server sends to server A GET /smp/v1/clients/<a:c1>/credentials/harness
    Then the answer is 200
    When the Bootstrap Server sends to server A POST /smp/v1/triggers with:
      """
      { "ep": "<a:c1>", "ssid": <A.ssid>, "reason": "operator" }
      """
    Then the answer is 202

  @rule:secret-never-readable
  Scenario: A secret that a server was given is never told again
    Given server A keeps a credential of "c1" with a secret
    Then server A tells of the credential of "c1", and nowhere its secret
