@SM-1 @judges:bootstrap-server @profile @nosec
Feature: SM-1, a LwM2M Server supplies its account

  Calls of an operator's LwM2M Server at the Bootstrap Server, and nothing on any device.

  @rule:account-supplied
  Scenario: An account is supplied and read back as supplied
    Given operator A supplies an account with:
      | lifetime | 600 |
    When operator A sends GET /smp/v1/accounts/<A.account>
    Then the answer is 200
    And the answer has:
      | lifetime     | 600   |
      | securityMode | nosec |
      | ssid         | <A.ssid> |
      | uri          | <A.uri>  |

  @rule:no-secret-in-get
  Scenario: What is read back holds no secret
    Given operator A supplies an account
    When operator A sends GET /smp/v1/accounts/<A.account>
    Then the answer is 200
    And the answer holds no secret
    When operator A sends GET /smp/v1/capabilities
    Then the answer holds no secret
    When operator A sends GET /smp/v1/events?wait=0
    Then the answer holds no secret

  @rule:etag-guards
  Scenario: A change with the current ETag is taken
    Given operator A supplies an account
    When operator A sends PUT /smp/v1/accounts/<A.account> with:
      """
      If-Match: <A.etag>

      {"uri": "<A.uri>", "securityMode": "nosec", "ssid": <A.ssid>, "lifetime": 700}
      """
    Then the answer is 200
    When operator A sends GET /smp/v1/accounts/<A.account>
    Then the answer has:
      | lifetime | 700 |

  @rule:etag-guards
  Scenario: A change with a stale ETag is refused and changes nothing
    Given operator A supplies an account with:
      | lifetime | 600 |
    When operator A sends PUT /smp/v1/accounts/<A.account> with:
      """
      If-Match: "stale"

      {"uri": "<A.uri>", "securityMode": "nosec", "ssid": <A.ssid>, "lifetime": 700}
      """
    Then the answer is 412 "precondition-failed"
    When operator A sends GET /smp/v1/accounts/<A.account>
    Then the answer has:
      | lifetime | 600 |

  @rule:etag-guards
  Scenario: A change without If-Match is refused
    Given operator A supplies an account
    When operator A sends PUT /smp/v1/accounts/<A.account> with:
      """
      {"uri": "<A.uri>", "securityMode": "nosec", "ssid": <A.ssid>, "lifetime": 700}
      """
    Then the answer is 428 "precondition-required"

  @rule:idempotency
  Scenario: The same Idempotency-Key has one effect
    When operator A sends POST /smp/v1/accounts with:
      """
      Idempotency-Key: <unique>-same

      {"uri": "<A.uri>", "securityMode": "nosec", "ssid": <A.ssid>}
      """
    Then the answer is 201
    When operator A sends POST /smp/v1/accounts with:
      """
      Idempotency-Key: <unique>-same

      {"uri": "<A.uri>", "securityMode": "nosec", "ssid": <A.ssid>}
      """
    Then the answer is 201
    And the answer is the same as the one before

  @rule:idempotency
  Scenario: The same Idempotency-Key with another body is refused
    When operator A sends POST /smp/v1/accounts with:
      """
      Idempotency-Key: <unique>-other

      {"uri": "<A.uri>", "securityMode": "nosec", "ssid": <A.ssid>}
      """
    Then the answer is 201
    When operator A sends POST /smp/v1/accounts with:
      """
      Idempotency-Key: <unique>-other

      {"uri": "<A.uri>", "securityMode": "nosec", "ssid": <A.ssid>, "lifetime": 61}
      """
    Then the answer is 422 "idempotency-mismatch"

  @rule:idempotency
  Scenario: A POST without Idempotency-Key is refused
    When operator A sends POST /smp/v1/accounts with:
      """
      Idempotency-Key:

      {"uri": "<A.uri>", "securityMode": "nosec", "ssid": <A.ssid>}
      """
    Then the answer is 400 "schema" about "Idempotency-Key"

  @rule:fields-validated
  Scenario Outline: An account with <what> is refused, and the field named
    When operator A sends POST /smp/v1/accounts with:
      """
      {"uri": "<A.uri>", "securityMode": "nosec", "ssid": <A.ssid>, "lifetime": 600}
      """
    Then the answer is 201
    When operator A sends POST /smp/v1/accounts with:
      """
      <body>
      """
    Then the answer is <status> "<problem>" about "<field>"

    Examples:
      | what                          | status | problem          | field                         | body                                                                                                    |
      | no URI                        | 400    | schema           | /uri                          | {"securityMode": "nosec", "ssid": <A.ssid>}                                                             |
      | a URI that is none            | 400    | schema           | /uri                          | {"uri": "somewhere", "securityMode": "nosec", "ssid": <A.ssid>}                                         |
      | a URI of another scheme       | 400    | schema           | /uri                          | {"uri": "http://127.0.0.1:5683", "securityMode": "nosec", "ssid": <A.ssid>}                             |
      | no security mode              | 400    | schema           | /securityMode                 | {"uri": "<A.uri>", "ssid": <A.ssid>}                                                                    |
      | an unknown security mode      | 400    | schema           | /securityMode                 | {"uri": "<A.uri>", "securityMode": "none", "ssid": <A.ssid>}                                            |
      | Short Server ID 0             | 400    | schema           | /ssid                         | {"uri": "<A.uri>", "securityMode": "nosec", "ssid": 0}                                                  |
      | Short Server ID 65535         | 400    | schema           | /ssid                         | {"uri": "<A.uri>", "securityMode": "nosec", "ssid": 65535}                                              |
      | a Short Server ID as text     | 400    | schema           | /ssid                         | {"uri": "<A.uri>", "securityMode": "nosec", "ssid": "101"}                                              |
      | lifetime 0                    | 400    | schema           | /lifetime                     | {"uri": "<A.uri>", "securityMode": "nosec", "ssid": <A.ssid>, "lifetime": 0}                            |
      | a lifetime of part of seconds | 400    | schema           | /lifetime                     | {"uri": "<A.uri>", "securityMode": "nosec", "ssid": <A.ssid>, "lifetime": 1.5}                          |
      | a lifetime beyond 32 bits     | 400    | schema           | /lifetime                     | {"uri": "<A.uri>", "securityMode": "nosec", "ssid": <A.ssid>, "lifetime": 4294967296}                   |
      | a binding that is none        | 400    | schema           | /binding                      | {"uri": "<A.uri>", "securityMode": "nosec", "ssid": <A.ssid>, "binding": "X"}                           |
      | pmax below pmin               | 400    | schema           | /pmax                         | {"uri": "<A.uri>", "securityMode": "nosec", "ssid": <A.ssid>, "pmin": 10, "pmax": 5}                    |
      | a retry count of 0            | 400    | schema           | /retry/count                  | {"uri": "<A.uri>", "securityMode": "nosec", "ssid": <A.ssid>, "retry": {"count": 0}}                    |
      | a priority below 0            | 400    | schema           | /registration/priority        | {"uri": "<A.uri>", "securityMode": "nosec", "ssid": <A.ssid>, "registration": {"priority": -1}}         |
      | a boolean as text             | 400    | schema           | /bootstrapOnRegistrationFailure | {"uri": "<A.uri>", "securityMode": "nosec", "ssid": <A.ssid>, "bootstrapOnRegistrationFailure": "yes"} |
      | rights beyond the five bits   | 400    | schema           | /acl/0/rights                 | {"uri": "<A.uri>", "securityMode": "nosec", "ssid": <A.ssid>, "acl": [{"object": 3, "rights": 32}]}     |
      | a mistyped member             | 400    | schema           | /lifetme                      | {"uri": "<A.uri>", "securityMode": "nosec", "ssid": <A.ssid>, "lifetme": 60}                            |
      | no JSON                       | 400    | schema           | body                          | {"uri": "<A.uri>",                                                                                      |
      | a mode not carried here       | 422    | unsupported-mode | /securityMode                 | {"uri": "<A.uri>", "securityMode": "est", "ssid": <A.ssid>}                                             |
      | a URI of nobody known         | 422    | uri-not-allowed  | /uri                          | {"uri": "coap://192.0.2.1:5683", "securityMode": "nosec", "ssid": <A.ssid>}                             |

  @rule:entities-separate
  Scenario: Another operator's account does not exist
    Given operator A supplies an account
    When operator A sends GET /smp/v1/accounts/<A.account>
    Then the answer is 200
    When operator B sends GET /smp/v1/accounts/<A.account>
    Then the answer is 404 "not-found"
    When operator B sends DELETE /smp/v1/accounts/<A.account> with:
      """
      If-Match: *
      """
    Then the answer is 404 "not-found"

  @rule:entities-separate
  Scenario: An operator cannot claim another's URI
    When operator B sends POST /smp/v1/accounts with:
      """
      {"uri": "<B.uri>", "securityMode": "nosec", "ssid": <B.ssid>}
      """
    Then the answer is 201
    When operator B sends POST /smp/v1/accounts with:
      """
      {"uri": "<A.uri>", "securityMode": "nosec", "ssid": <B.ssid>}
      """
    Then the answer is 422 "uri-not-allowed" about "/uri"

  @rule:entities-separate
  Scenario: An operator cannot claim another's Short Server ID
    When operator B sends POST /smp/v1/accounts with:
      """
      {"uri": "<B.uri>", "securityMode": "nosec", "ssid": <B.ssid>}
      """
    Then the answer is 201
    When operator B sends POST /smp/v1/accounts with:
      """
      {"uri": "<B.uri>", "securityMode": "nosec", "ssid": <A.ssid>}
      """
    Then the answer is 409 "ssid-conflict" about "/ssid"

  @rule:authenticated
  Scenario: A call without a valid token is refused
    When operator A sends GET /smp/v1/capabilities
    Then the answer is 200
    When operator A sends GET /smp/v1/capabilities with:
      """
      Authorization: Bearer not-the-token
      """
    Then the answer is 401 "unauthenticated"

  @rule:capabilities-truthful
  Scenario: What the capabilities say is what is served
    Given operator A supplies an account
    And device "c1" with a bootstrap account
    When operator A sends GET /smp/v1/capabilities
    Then the answer is 200
    And the answer has:
      | profile | smp/1            |
      | role    | bootstrap-server |
    And the capabilities list the order types "provision, update, remove" and no "renew"
    When operator A sends POST /smp/v1/orders with:
      """
      {"type": "renew", "accountId": "<A.account>", "targets": {"endpoints": ["<c1>"]}}
      """
    Then the answer is 400 "schema" about "/type"
