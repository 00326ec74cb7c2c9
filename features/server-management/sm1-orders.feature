@SM-1 @judges:bootstrap-server @profile
Feature: SM-1, orders and what becomes of their devices

  @rule:order-accepted @rule:item-truthful
  Scenario: One unknown device in an order is rejected, the others are served
    Given device "c1" with a bootstrap account
    And operator A supplies an account
    When operator A orders to provision "c1, x:stranger" with:
      | trigger | wait-for-client |
    And the item of "c1" is "awaiting-client"
    And "c1" starts
    Then the item of "x:stranger" ends as "rejected(unknown-endpoint)"
    And "c1" is registered with operator A
    And the item of "c1" ends as "confirmed"

  @rule:entities-separate
  Scenario: An operator cannot order for another's devices
    Given device "a:c1" with a bootstrap account
    And device "b:c2" with a bootstrap account
    And operator B supplies an account
    When operator B orders to provision "a:c1, b:c2" with:
      | trigger | wait-for-client |
    Then by "entities-separate" the item of "a:c1" ends as "rejected(unknown-endpoint)"
    And by "entities-separate" the item of "b:c2" comes to "awaiting-client"

  @rule:entities-separate
  Scenario: An operator cannot read another's order
    Given device "c1" with a bootstrap account
    And operator A supplies an account
    When operator A orders to provision "c1" with:
      | trigger | wait-for-client |
    And operator A sends GET /smp/v1/orders/<order>
    Then the answer is 200
    When operator B sends GET /smp/v1/orders/<order>
    Then the answer is 404 "not-found"
    When operator B sends GET /smp/v1/orders/<order>/items/<c1>
    Then the answer is 404 "not-found"

  @rule:item-truthful
  Scenario: A withdrawn order is carried out no more
    Given device "c1" with a bootstrap account
    And operator A supplies an account
    And operator A orders to provision "c1" with:
      | trigger | wait-for-client |
    And the item of "c1" is "awaiting-client"
    When operator A sends DELETE /smp/v1/orders/<order> with:
      """
      If-Match: *
      """
    And "c1" starts
    Then the item of "c1" ends as "cancelled"
    And "c1" holds no account at all

  @slow @rule:item-truthful
  Scenario: An order whose deadline is over is carried out no more
    Given device "c1" with a bootstrap account
    And operator A supplies an account
    When operator A orders to provision "c1" within 1 s, with:
      | trigger | wait-for-client |
    Then the item of "c1" ends as "expired"
    When "c1" starts
    Then "c1" holds no account at all

  @rule:fields-validated
  Scenario Outline: An order with <what> is refused, and the field named
    Given operator A supplies an account
    And device "c1" with a bootstrap account
    When operator A sends POST /smp/v1/orders with:
      """
      {"type": "provision", "accountId": "<A.account>", "targets": {"endpoints": ["<c1>"]}, "policy": {"trigger": "wait-for-client"}}
      """
    Then the answer is 202
    When operator A sends POST /smp/v1/orders with:
      """
      <body>
      """
    Then the answer is <status> "<problem>" about "<field>"

    Examples:
      | what                 | status | problem   | field                | body                                                                                                                              |
      | no account           | 400    | schema    | /accountId           | {"type": "provision", "targets": {"endpoints": ["<c1>"]}}                                                                         |
      | an unknown account   | 404    | not-found | /accountId           | {"type": "provision", "accountId": "nothing", "targets": {"endpoints": ["<c1>"]}}                                                 |
      | an unknown type      | 400    | schema    | /type                | {"type": "renew", "accountId": "<A.account>", "targets": {"endpoints": ["<c1>"]}}                                                |
      | no device            | 400    | schema    | /targets/endpoints   | {"type": "provision", "accountId": "<A.account>", "targets": {"endpoints": []}}                                                   |
      | a device named twice | 400    | schema    | /targets/endpoints   | {"type": "provision", "accountId": "<A.account>", "targets": {"endpoints": ["<c1>", "<c1>"]}}                                     |
      | too high a rate      | 400    | schema    | /policy/spread/perMinute | {"type": "provision", "accountId": "<A.account>", "targets": {"endpoints": ["<c1>"]}, "policy": {"spread": {"perMinute": 60001}}} |
      | no attempts          | 400    | schema    | /policy/maxAttempts  | {"type": "provision", "accountId": "<A.account>", "targets": {"endpoints": ["<c1>"]}, "policy": {"maxAttempts": 0}}               |
      | a deadline of no time | 400   | schema    | /deadline            | {"type": "provision", "accountId": "<A.account>", "targets": {"endpoints": ["<c1>"]}, "deadline": "soon"}                         |

  @rule:confirmed-by-register
  Scenario: The Register under the new account confirms the item
    Given device "c1" is provisioned by operator A
    And operator B supplies an account
    When operator B orders to provision "c1"
    Then by "confirmed-by-register" the item of "c1" ends as "confirmed"
    And "c1" is registered with operator B

  @slow @needs:misbehaviour @rule:confirmed-by-register
  Scenario: Without a Register the item is applied and not confirmed
    Given device "c1" is provisioned by operator A
    And operator B supplies an account
    And "c1" becomes "silent-after-finish"
    When operator B orders to provision "c1"
    Then by "confirmed-by-register" the item of "c1" comes to "applied"
    And by "confirmed-by-register" the item of "c1" stays "applied"
