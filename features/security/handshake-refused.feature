@security @resilience @judges:device @must @needs:psk @needs:faults
Feature: The Server is not ready yet when the device first comes

  A device may be written an account before its Server lets it in. What the Server answers meanwhile says whether another try makes sense: LwM2M Transport
  sorts the alerts. How often the device tries, and when, stands in its account, and so it does in each of these scenarios.

  @rule:device-handshake-retry @rule:device-handshakes-bounded
  Scenario Outline: After <answer> the device tries again, and is registered once it may be
    Given device "c1" with a bootstrap account
    And device "c1" has a key of operator B that its server was not told, and its account says:
      | bootstrapOnFailure | true |
      | retryCount         | 4    |
      | retryTimer         | 1    |
      | sequenceDelay      | 600  |
      | sequenceCount      | 1    |
    And server B is told the key of "c1"
    And server B answers handshakes of "c1" with <answer> until its key is active
    When "c1" starts
    Then "c1" begins 2 handshakes with server B, each 1 s or more after the one before
    And "c1" has not asked for a bootstrap by itself
    When the Bootstrap Server puts the key of "c1" in force at server B
    Then "c1" registers with server B
    And "c1" has begun no more than 4 handshakes with server B

    Examples:
      | answer   |
      | silence  |
      | alert 20 |
      | alert 40 |
      | alert 51 |

  @rule:device-handshake-fail @rule:device-handshakes-bounded
  Scenario Outline: After <answer> the device asks its Bootstrap Server, where its account says so
    Given device "c1" with a bootstrap account
    And device "c1" has a key of operator B that its server was not told, and its account says:
      | bootstrapOnFailure | true |
      | retryCount         | 4    |
      | retryTimer         | 1    |
      | sequenceDelay      | 600  |
      | sequenceCount      | 1    |
    And server B is told the key of "c1"
    And the Bootstrap Server is configured to give "c1" the same account of operator B again
    And server B answers handshakes of "c1" with <answer> until its key is active
    And the Bootstrap Server holds the first "bootstrap-request" of "c1"
    When "c1" starts
    Then "c1" asks for a bootstrap because it gets no session with server B
    And "c1" has begun no more than 1 handshake with server B
    When the Bootstrap Server puts the key of "c1" in force at server B
    And the Bootstrap Server lets "bootstrap-request" go
    Then "c1" registers with server B
    And "c1" has begun no more than 2 handshakes with server B

    Examples:
      | answer    |
      | alert 49  |
      | alert 115 |

  # The twin of the one above: /1/x/16 says otherwise.
  @rule:device-handshake-fail @rule:device-handshakes-bounded
  Scenario Outline: After <answer> the device waits for its next sequence, where its account does not send it to bootstrap
    Given device "c1" with a bootstrap account
    And device "c1" has a key of operator B that its server was not told, and its account says:
      | bootstrapOnFailure | false |
      | retryCount         | 4     |
      | retryTimer         | 1     |
      | sequenceDelay      | 3     |
      | sequenceCount      | 3     |
    And server B is told the key of "c1"
    And server B answers handshakes of "c1" with <answer> until its key is active
    When "c1" starts
    Then "c1" begins 2 handshakes with server B, each 3 s or more after the one before
    And "c1" has not asked for a bootstrap by itself
    When the Bootstrap Server puts the key of "c1" in force at server B
    Then "c1" registers with server B
    And "c1" has begun no more than 3 handshakes with server B

    Examples:
      | answer    |
      | alert 49  |
      | alert 115 |

  @slow @rule:device-handshake-retry @rule:device-handshakes-bounded
  Scenario: When all tries of its account came to nothing the device asks its Bootstrap Server
    Given device "c1" with a bootstrap account
    And device "c1" has a key of operator B that its server was not told, and its account says:
      | bootstrapOnFailure | true |
      | retryCount         | 2    |
      | retryTimer         | 1    |
      | sequenceDelay      | 2    |
      | sequenceCount      | 2    |
    And server B is told the key of "c1"
    And the Bootstrap Server is configured to give "c1" the same account of operator B again
    And server B answers handshakes of "c1" with alert 40 until its key is active
    And the Bootstrap Server holds the first "bootstrap-request" of "c1"
    When "c1" starts
    Then "c1" begins 4 handshakes with server B, each 1 s or more after the one before
    And "c1" asks for a bootstrap because it gets no session with server B
    And "c1" has begun no more than 4 handshakes with server B
    When the Bootstrap Server puts the key of "c1" in force at server B
    And the Bootstrap Server lets "bootstrap-request" go
    Then "c1" registers with server B
