@SM-3 @security @needs:psk @needs:x509
Feature: Certificates, SM-3 without a secret

  The Bootstrap Server issues the certificate of a device; the LwM2M Server is told the certificate, or who issues it and whose it is.

  @judges:bootstrap-server @profile @rule:mode-delivered @rule:public-half-told @rule:item-truthful
  Scenario Outline: A device is given a certificate, and its Server is told the <form>
    Given operator A supplies an account of mode x509
    And device "c1" with a bootstrap account
    When operator A orders to provision "c1" with:
      | trigger                    | wait-for-client |
      | credential.certificateForm | <form>          |
    And the item of "c1" is "awaiting-client"
    And "c1" starts
    And the item of "c1" is "confirmed"
    Then "c1" has the account of operator A in mode x509, and a session in it
    And server A was told of "c1" what it shows, and no secret
    And the item of "c1" ends as "confirmed"

    Examples:
      | form        |
      | certificate |
      | subject     |

  @judges:bootstrap-server @profile @rule:mode-delivered @rule:item-truthful
  Scenario Outline: The account says under certificate usage <usage> what the device has to take for its Server
    Given operator A supplies an account of mode x509 with certificate usage <usage>
    And device "c1" is provisioned by operator A
    Then "c1" has the account of operator A in mode x509, and a session in it
    And the item of "c1" ends as "confirmed"

    Examples:
      | usage |
      | 2     |
      | 3     |

  @judges:bootstrap-server @profile @rule:mode-delivered @rule:public-half-told
  Scenario: A rotation gives the device another certificate
    Given operator A supplies an account of mode x509
    And device "c1" is provisioned by operator A
    And the key that "c1" has for operator A is noted
    When operator A orders to rotate "c1"
    And the item of "c1" is "confirmed"
    Then "c1" has the account of operator A in mode x509, and a session in it
    And server A was told of "c1" what it shows, and no secret
    And "c1" has a new key and a new identity for operator A

  @judges:bootstrap-server @profile @rule:mode-delivered @rule:item-truthful
  Scenario Outline: A rotation from <before> to <after>
    Given operator A supplies an account of mode <before>
    And device "c1" is provisioned by operator A
    When operator A changes its account to mode <after>
    And operator A orders to rotate "c1"
    And the item of "c1" is "confirmed"
    Then "c1" has the account of operator A in mode <after>, and a session in it
    And the item of "c1" ends as "confirmed"

    Examples:
      | before | after |
      | psk    | x509  |
      | x509   | psk   |
      | rpk    | x509  |

  @judges:lwm2m-server @profile @rule:staged-not-usable @rule:activation-effective
  Scenario Outline: Told by its <form>, a certificate lets the device in when it is active, and not when it is staged
    Given device "c1" has an account of operator B in mode x509 that its server was not told
    When the Bootstrap Server tells server B of "c1" in mode x509 with:
      | form | <form> |
    Then the answer is 201
    When "c1" starts
    Then by "staged-not-usable" "c1" gets no session with server B
    When the Bootstrap Server activates the key of "c1" at server B
    Then the answer is 204
    When "c1" registers again with operator B
    Then by "activation-effective" the answer is 2.01

    Examples:
      | form        |
      | certificate |
      | subject     |

  @judges:lwm2m-server @profile @rule:certificate-checked
  Scenario Outline: A certificate that is <shown> is not taken for the device's
    Given device "c1" has an account of operator B in mode x509 that its server was not told
    When the Bootstrap Server tells server B of "c1" in mode x509 with:
      | shown | <shown> |
    Then by "certificate-checked" the answer is <status>
    When the Bootstrap Server tells server B of "c1" in mode x509
    Then the answer is 201

    Examples:
      | shown                      | status |
      | in PEM                     | 400    |
      | on another curve           | 400    |
      | expired                    | 422    |
      | not yet valid              | 422    |
      | made out to another device | 422    |
      | of an unknown authority    | 422    |

  @judges:lwm2m-server @profile @rule:certificate-checked
  Scenario: A certificate that is over before the overlap is not taken for a new version
    Given device "c1" has an account of operator B in mode x509 that its server was not told
    When the Bootstrap Server tells server B of "c1" in mode x509
    And the Bootstrap Server puts the key of "c1" in force at server B
    And the Bootstrap Server tells server B of "c1" in mode x509 with:
      | version        | 2         |
      | supersedes     | 1         |
      | form           | subject   |
      | overlapSeconds | 31536000  |
    Then by "certificate-checked" the answer is 422

  @judges:lwm2m-server @must @rule:certificate-at-handshake
  Scenario Outline: A device whose certificate is <odd> gets no session, although its subject is admitted
    Given device "c1" has an account of operator B with a certificate that is "<odd>", and its server was not told
    When the Bootstrap Server tells server B of "c1" in mode x509 with:
      | form | subject |
    And the Bootstrap Server puts the key of "c1" in force at server B
    And "c1" starts
    Then "c1" is refused by server B with alert <alerts>

    Examples:
      | odd                        | alerts         |
      | expired                    | 42 or 45 or 46 |
      | not yet valid              | 42 or 45 or 46 |
      | of an unknown authority    | 42 or 46 or 48 |
      | made out to another device | 42 or 46 or 49 |

  # The twin of the four above.
  @judges:lwm2m-server @must @rule:certificate-at-handshake
  Scenario: A device whose certificate is what was told gets a session
    Given device "c1" has an account of operator B in mode x509 that its server was not told
    When the Bootstrap Server tells server B of "c1" in mode x509 with:
      | form | subject |
    And the Bootstrap Server puts the key of "c1" in force at server B
    And "c1" starts
    Then by "certificate-at-handshake" "c1" registers with its key at server B

  @judges:lwm2m-server @profile @rule:revocation-effective
  Scenario: A certificate whose record is removed gets no session any more
    Given device "c1" has an account of operator B in mode x509 that its server was not told
    When the Bootstrap Server tells server B of "c1" in mode x509
    And the Bootstrap Server puts the key of "c1" in force at server B
    And "c1" starts
    And "c1" is registered with operator B
    And the Bootstrap Server removes the record of "c1" at server B
    Then by "revocation-effective" "c1" gets no new session with server B

  @judges:lwm2m-server @must @registration @rule:identity-endpoint-binding @needs:misbehaviour
  Scenario: A Register with another endpoint name than the certificate's is refused
    Given device "c1" has an account of operator B in mode x509 that its server was not told
    When the Bootstrap Server tells server B of "c1" in mode x509
    And the Bootstrap Server puts the key of "c1" in force at server B
    And "c1" sends to server B:
      | method | path | query                       | payload       | format |
      | POST   | /rd  | ep=<c2>&lt=60&lwm2m=1.1&b=U | </1/0>,</3/0> | 40     |
    Then the answer is 4.00
    When "c1" sends to server B:
      | method | path | query                       | payload       | format |
      | POST   | /rd  | ep=<c1>&lt=60&lwm2m=1.1&b=U | </1/0>,</3/0> | 40     |
    Then the answer is 2.01
