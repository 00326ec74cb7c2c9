@SM-3 @security @needs:psk @needs:rpk
Feature: Raw public keys, SM-3 without a secret

  The Bootstrap Server makes the key pair of a device, and the LwM2M Server is told the public half.

  @judges:bootstrap-server @profile @rule:mode-delivered @rule:public-half-told @rule:item-truthful
  Scenario: A device is given a key pair of its own, and its Server the public half
    Given operator A supplies an account of mode rpk
    And device "c1" with a bootstrap account
    When operator A orders to provision "c1" with:
      | trigger | wait-for-client |
    And the item of "c1" is "awaiting-client"
    And "c1" starts
    And the item of "c1" is "confirmed"
    Then "c1" has the account of operator A in mode rpk, and a session in it
    And server A was told of "c1" what it shows, and no secret
    And the item of "c1" ends as "confirmed"

  @judges:bootstrap-server @profile @rule:mode-delivered @rule:public-half-told
  Scenario: A rotation gives the device another key pair
    Given operator A supplies an account of mode rpk
    And device "c1" is provisioned by operator A
    And the key that "c1" has for operator A is noted
    When operator A orders to rotate "c1"
    And the item of "c1" is "confirmed"
    Then "c1" has the account of operator A in mode rpk, and a session in it
    And server A was told of "c1" what it shows, and no secret
    And "c1" has a new key and a new identity for operator A

  @judges:bootstrap-server @profile @rule:no-secret-in-get
  Scenario: A private key is told to the device that has it, and to nobody else
    Given operator A supplies an account of mode rpk
    And operator B supplies an account of mode rpk
    And device "c1" is provisioned by operator A
    And device "c1" is provisioned by operator B
    Then neither what the Bootstrap Server tells operators A and B nor what it recorded holds a key of "c1"

  @judges:lwm2m-server @profile @rule:staged-not-usable @rule:activation-effective
  Scenario: A staged key authenticates nobody; the same key does when it is active
    Given device "c1" has an account of operator B in mode rpk that its server was not told
    When the Bootstrap Server tells server B of "c1" in mode rpk
    Then the answer is 201
    When "c1" starts
    Then by "staged-not-usable" "c1" gets no session with server B
    When the Bootstrap Server activates the key of "c1" at server B
    Then the answer is 204
    When "c1" registers again with operator B
    Then by "activation-effective" the answer is 2.01

  @judges:lwm2m-server @profile @rule:public-key-checked
  Scenario Outline: A public key <what> is refused
    Given device "c1" has an account of operator B in mode rpk that its server was not told
    When the Bootstrap Server tells server B of "c1" in mode rpk with:
      | <member> | <value> |
    Then by "public-key-checked" the answer is <status>
    When the Bootstrap Server tells server B of "c1" in mode rpk
    Then the answer is 201

    Examples:
      | what                                | member     | value            | status |
      | in PEM                              | shown      | in PEM           | 400    |
      | on another curve                    | shown      | on another curve | 422    |
      | that does not fit to its thumbprint | thumbprint | of another key   | 400    |

  @judges:lwm2m-server @profile @rule:identity-unique
  Scenario: A public key that a device has is refused for another one
    Given device "c1" has an account of operator B in mode rpk that its server was not told
    When the Bootstrap Server tells server B of "c1" in mode rpk
    Then the answer is 201
    When the Bootstrap Server tells server B of "c2" in mode rpk with:
      | shown | another device's |
      | of    | c1               |
    Then the answer is 409 "identity-conflict"
    When the Bootstrap Server tells server B of "c2" in mode rpk
    Then the answer is 201

  @judges:lwm2m-server @profile @rule:revocation-effective @rule:unknown-identity
  Scenario: A key whose record is removed gets no session any more
    Given device "c1" has an account of operator B in mode rpk that its server was not told
    When the Bootstrap Server tells server B of "c1" in mode rpk
    And the Bootstrap Server puts the key of "c1" in force at server B
    And "c1" starts
    And "c1" is registered with operator B
    And the Bootstrap Server removes the record of "c1" at server B
    Then by "revocation-effective" "c1" gets no new session with server B
    And by "unknown-identity" "c1" gets no session with server B

  @judges:device @must @rule:device-handshake-fail @rule:device-checks-server
  Scenario: A server with another public key than the account says is refused, and the device asks its Bootstrap Server
    Given device "c1" has an account of operator B in mode rpk that names another server's
    When "c1" starts
    Then "c1" refuses server B with alert 42 or 46 or 48
    And "c1" asks for a bootstrap because it gets no session with server B

  @judges:device @must @rule:device-needs-der
  Scenario: A public key in PEM is none, and the device begins nothing with it
    Given device "c1" has an account of operator B in mode rpk, written in PEM
    When "c1" starts
    Then "c1" begins no session with server B
