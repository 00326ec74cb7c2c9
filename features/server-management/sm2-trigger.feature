@SM-2 @judges:bootstrap-server @profile
Feature: SM-2, a LwM2M Server is asked to trigger a bootstrap, and its outcome is told truthfully

  2.04 to the Execute is no success: a trigger is confirmed by the Bootstrap-Request that follows it. Devices answer /1/x/9 as differently as their stacks do.

  @rule:trigger-requested @rule:trigger-truth @rule:item-truthful
  Scenario: A triggered device asks for its bootstrap, and the trigger is confirmed
    Given device "c1" is provisioned by operator A
    And operator A changes its account to:
      | lifetime | 90 |
    When operator A orders to update "c1"
    Then server A is asked to trigger "c1"
    And "c1" is triggered by server A
    And the trigger of "c1" ends as "confirmed"
    And the item of "c1" ends as "confirmed"

  @rule:trigger-truth @rule:item-truthful
  Scenario Outline: A trigger to a device that is <personality> ends as <trigger>
    Given device "c1" is "<personality>"
    And device "c1" is provisioned by operator A
    And operator A changes its account to:
      | lifetime | 90 |
    When operator A orders to update "c1" with:
      | maxAttempts | 1 |
    Then "c1" is triggered by server A
    And server A says that the trigger of "c1" is "<at server>"
    And the trigger of "c1" ends as "<trigger>"
    And the item of "c1" ends as "<item>"

    Examples: accepted, and the bootstrap follows
      | personality | at server    | trigger   | item      |
      | leshan-like | acknowledged | confirmed | confirmed |
      | zephyr-like | acknowledged | confirmed | confirmed |

    Examples: after its bootstrap it updates the registration it has, which confirms no new credential
      | personality | at server    | trigger   | item    |
      | anjay-like  | acknowledged | confirmed | applied |

    Examples: 4.05 may mean busy or not supported
      | personality  | at server              | trigger                | item                                      |
      | wakaama-like | refused \| unsupported | refused \| unsupported | failed(trigger-refused) \| awaiting-client |

  @needs:misbehaviour @slow @rule:trigger-truth @rule:item-truthful
  Scenario: A device that accepts the trigger and stays silent leaves it unconfirmed
    Given device "c1" is provisioned by operator A
    And "c1" becomes "silent-after-trigger"
    And operator A changes its account to:
      | lifetime | 90 |
    When operator A orders to update "c1" with:
      | maxAttempts | 1 |
    Then "c1" is triggered by server A
    And the trigger of "c1" ends as "unconfirmed"
    And the item of "c1" ends as "failed(timeout)"
    And "c1" does not ask for a bootstrap

  @needs:misbehaviour @slow @rule:trigger-truth @rule:item-truthful
  Scenario: A device that stayed silent is triggered once more
    Given device "c1" is provisioned by operator A
    And "c1" becomes "silent-after-trigger"
    And operator A changes its account to:
      | lifetime | 90 |
    When operator A orders to update "c1" with:
      | maxAttempts | 2 |
    Then "c1" is triggered by server A
    When "c1" becomes "default"
    Then the trigger of "c1" comes to "unconfirmed"
    And the item of "c1" ends as "confirmed"
    And the trigger of "c1" ends as "confirmed"
    And exactly 2 Executes of the bootstrap trigger reach "c1"

  @rule:trigger-truth @rule:item-truthful
  Scenario: A device without the resource cannot be triggered; its own bootstrap completes the item
    Given device "c1" is "no-trigger-resource"
    And device "c1" is provisioned by operator A
    And operator A changes its account to:
      | lifetime | 90 |
    When operator A orders to update "c1"
    Then server A says that the trigger of "c1" is "unsupported"
    And the trigger of "c1" ends as "unsupported"
    And the item of "c1" ends as "awaiting-client"
    When "c1" asks for a bootstrap
    Then the item of "c1" ends as "confirmed"
    And the trigger of "c1" ends as "unsupported"

  @rule:trigger-truth @rule:item-truthful
  Scenario: A device of LwM2M 1.0 has no trigger; its own bootstrap completes the item
    Given device "c1" speaks LwM2M 1.0
    And device "c1" is provisioned by operator A
    And operator A changes its account to:
      | lifetime | 90 |
    When operator A orders to update "c1"
    Then server A says that the trigger of "c1" is "unsupported"
    And the trigger of "c1" ends as "unsupported"
    And the item of "c1" ends as "awaiting-client"
    When "c1" asks for a bootstrap
    Then the item of "c1" ends as "confirmed"

  @rule:trigger-truth @rule:item-truthful
  Scenario: A device that is not registered cannot be triggered; its own bootstrap completes the item
    Given device "c1" is provisioned by operator A
    And "c1" de-registers from operator A
    And "c1" is not registered with operator A any more
    And operator A changes its account to:
      | lifetime | 90 |
    When operator A orders to update "c1"
    Then server A says that the trigger of "c1" is "not-registered"
    And the trigger of "c1" ends as "not-registered"
    And the item of "c1" ends as "awaiting-client"
    When "c1" asks for a bootstrap
    Then the item of "c1" ends as "confirmed"

  @rule:item-truthful
  Scenario: Nobody can trigger a device that no Server knows; its first bootstrap completes the item
    Given device "c1" with a bootstrap account
    And operator A supplies an account
    When operator A orders to provision "c1"
    Then the item of "c1" ends as "awaiting-client"
    When "c1" starts
    Then "c1" is registered with operator A
    And the item of "c1" ends as "confirmed"
