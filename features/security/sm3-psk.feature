@SM-3 @security @judges:lwm2m-server @profile @needs:psk
Feature: SM-3, what a LwM2M Server does with keys it is told

  The harness stands in the place of the Bootstrap Server; the devices hold the keys from the start. With every refusal goes a case that differs in one thing.

  @rule:staged-not-usable @rule:activation-effective
  Scenario: A staged key authenticates nobody; the same key does when it is active
    Given device "c1" has a key of operator B that its server was not told
    When the Bootstrap Server tells server B the key of "c1"
    Then the answer is 201
    When "c1" starts
    Then by "staged-not-usable" "c1" gets no session with server B
    When the Bootstrap Server activates the key of "c1" at server B
    Then the answer is 204
    When "c1" registers again with operator B
    Then by "activation-effective" the answer is 2.01

  @rule:secret-checked
  Scenario: A key that does not come to its check value is not taken
    Given device "c1" has a key of operator B that its server was not told
    When the Bootstrap Server tells server B the key of "c1" with:
      | kcv | of another key |
    Then the answer is 422 "key-unwrap"
    When the Bootstrap Server tells server B the key of "c1"
    Then the answer is 201

  @rule:secret-bound-to-context
  Scenario Outline: A key that was encrypted for <what> is not taken
    Given device "c1" has a key of operator B that its server was not told
    When the Bootstrap Server tells server B the key of "c1" with:
      | <member> | <value> |
    Then the answer is 422 "context-mismatch"
    When the Bootstrap Server tells server B the key of "c1"
    Then the answer is 201

    Examples:
      | what                       | member               | value |
      | another device             | encrypted for        | c2    |
      | another record of a device | encrypted for record | cr-2  |

  @rule:identity-unique
  Scenario: An identity that a device has is refused for another one, and the first goes on
    Given device "c1" has a key of operator B that its server was not told
    And server B has activated the key of "c1"
    And "c1" starts
    And "c1" is registered with operator B
    When the Bootstrap Server tells server B the key of "c2" with:
      | identity of | c1 |
    Then the answer is 409 "identity-conflict"
    When "c1" registers again with operator B
    Then by "identity-unique" the answer is 2.01
    When the Bootstrap Server tells server B the key of "c2"
    Then the answer is 201

  @rule:version-regression
  Scenario: A lower version of a key is refused, and the key before goes on
    Given device "c1" has a key of operator B that its server was not told
    When the Bootstrap Server tells server B the key of "c1" with:
      | version | 2 |
    Then the answer is 201
    When the Bootstrap Server tells server B the key of "c1"
    Then the answer is 409 "version-regression"
    When the Bootstrap Server tells server B the key of "c1" with:
      | version | 3 |
    Then the answer is 201

  @rule:tenant-isolation @rule:unknown-identity
  Scenario: A key of one operator's server is nothing to the other's
    Given device "b:c1" has a key of operator B that its server was not told
    And server B has activated the key of "b:c1"
    And device "c2" uses at server A the key that "b:c1" has of operator B
    Then server A lists no credential of "b:c1", and server B does
    When the Bootstrap Server sends to server A GET /smp/v1/clients/<b:c1>/credentials/cr-1
    Then the answer is 404 "not-found"
    When "c2" starts
    Then by "unknown-identity" "c2" gets no session with server A
    When "b:c1" starts
    Then by "unknown-identity" "b:c1" registers with its key at server B

  @rule:admission
  Scenario: A device that has a key is not registered without it
    Given device "c1" has an account of operator B without security
    And server B has activated the key of "c1"
    When "c1" starts
    And the first Register of "c1" is answered
    Then the answer is 4.00 or 4.01 or 4.03
    And server B does not list "c1"

  @rule:revocation-effective @rule:session-policy @rule:resumption-after-revoke
  Scenario: With a key that is revoked go the open session, the registration, and every session to come
    Given device "c1" has a key of operator B that its server was not told
    And server B has activated the key of "c1"
    And "c1" starts
    And "c1" is registered with operator B
    When the Bootstrap Server sends to server B DELETE /smp/v1/clients/<c1>/credentials/cr-1?version=1
    Then by "revocation-effective" the answer is 204
    And server B ends the session of "c1"
    And server B has dropped the registration of "c1"
    And "c1" cannot resume its session with server B
    And by "revocation-effective" "c1" gets no session with server B

  @rule:credential-batch @rule:activation-effective
  Scenario: A bad key in a batch spoils no other
    Given device "c1" has a key of operator B that its server was not told
    And device "c2" has a key of operator B that its server was not told
    When the Bootstrap Server tells server B the keys of "c1, c2" in a batch, the first with the check value of another key
    Then by "credential-batch" the answer is 200
    And the results of the batch are "422, 201"
    When the Bootstrap Server puts the key of "c2" in force at server B
    And "c2" starts
    Then by "activation-effective" "c2" registers with its key at server B

  @rule:key-edges
  Scenario Outline: An identity of <identity> and a key of <bytes> bytes are taken, and work
    Given device "c1" has for operator B an identity of "<identity>" and a key of <bytes> bytes
    When the Bootstrap Server tells server B the key of "c1"
    Then the answer is 201
    When the Bootstrap Server puts the key of "c1" in force at server B
    And "c1" starts
    Then by "key-edges" "c1" registers with its key at server B

    Examples:
      | identity  | bytes |
      | 1 byte    | 16    |
      | 128 bytes | 16    |
      | not UTF-8 | 16    |
      | 16 bytes  | 32    |
      | 16 bytes  | 64    |
      | 128 bytes | 64    |

  @rule:key-edges
  Scenario Outline: An identity of <identity> and a key of <bytes> bytes are refused with a problem
    Given device "c1" has for operator B an identity of "<identity>" and a key of <bytes> bytes
    When the Bootstrap Server tells server B the key of "c1"
    Then the answer is one of 400, 413, 422

    Examples:
      | identity    | bytes |
      | 0 bytes     | 16    |
      | 129 bytes   | 16    |
      | 65535 bytes | 16    |
      | 16 bytes    | 8     |
      | 16 bytes    | 65    |
