@security @resilience @judges:device @must @needs:psk @needs:faults
Feature: What a device makes of a Server's alert about its certificate or public key

  LwM2M Transport sorts the alerts. After those that another try cannot mend the device leaves the rest of its sequence; after those that may pass it goes on
  as its account says; some end nothing at all. Where no try is left, /1/x/16 says whether it goes back to its Bootstrap Server.

  @rule:device-handshake-fail @rule:device-handshakes-bounded
  Scenario Outline: In mode <mode> the device asks its Bootstrap Server after <answer>, where its account says so
    Given device "c1" with a bootstrap account
    And device "c1" has an account of operator B in mode <mode> that its server was not told, and it says:
      | bootstrapOnFailure | true |
      | retryCount         | 4    |
      | retryTimer         | 1    |
      | sequenceDelay      | 600  |
      | sequenceCount      | 1    |
    And the Bootstrap Server tells server B of "c1" in mode <mode>
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

    @needs:x509
    Examples: bad_certificate, unsupported_certificate, certificate_revoked, certificate_expired, certificate_unknown, unknown_ca, access_denied
      | mode | answer   |
      | x509 | alert 42 |
      | x509 | alert 43 |
      | x509 | alert 44 |
      | x509 | alert 45 |
      | x509 | alert 46 |
      | x509 | alert 48 |
      | x509 | alert 49 |

    @needs:rpk
    Examples: the same of a public key
      | mode | answer   |
      | rpk  | alert 42 |
      | rpk  | alert 43 |
      | rpk  | alert 44 |
      | rpk  | alert 45 |
      | rpk  | alert 46 |
      | rpk  | alert 48 |
      | rpk  | alert 49 |

  # The twin of the one above: /1/x/16 says otherwise.
  @rule:device-handshake-fail @rule:device-handshakes-bounded
  Scenario Outline: In mode <mode> the device waits for its next sequence after <answer>, where its account does not send it to bootstrap
    Given device "c1" with a bootstrap account
    And device "c1" has an account of operator B in mode <mode> that its server was not told, and it says:
      | bootstrapOnFailure | false |
      | retryCount         | 4     |
      | retryTimer         | 1     |
      | sequenceDelay      | 2     |
      | sequenceCount      | 3     |
    And the Bootstrap Server tells server B of "c1" in mode <mode>
    And server B answers handshakes of "c1" with <answer> until its key is active
    When "c1" starts
    Then "c1" begins 2 handshakes with server B, each 2 s or more after the one before
    And "c1" has not asked for a bootstrap by itself
    When the Bootstrap Server puts the key of "c1" in force at server B
    Then "c1" registers with server B
    And "c1" has begun no more than 3 handshakes with server B

    @needs:x509
    Examples: a certificate
      | mode | answer   |
      | x509 | alert 45 |

    @needs:rpk
    Examples: a public key
      | mode | answer   |
      | rpk  | alert 46 |

  # The twin of the first: an alert that may pass. All tries of the account come first.
  @rule:device-handshake-retry @rule:device-handshakes-bounded
  Scenario Outline: In mode <mode> the device asks its Bootstrap Server after <answer> when all tries of its account came to nothing
    Given device "c1" with a bootstrap account
    And device "c1" has an account of operator B in mode <mode> that its server was not told, and it says:
      | bootstrapOnFailure | true |
      | retryCount         | 2    |
      | retryTimer         | 1    |
      | sequenceDelay      | 600  |
      | sequenceCount      | 1    |
    And the Bootstrap Server tells server B of "c1" in mode <mode>
    And the Bootstrap Server is configured to give "c1" the same account of operator B again
    And server B answers handshakes of "c1" with <answer> until its key is active
    And the Bootstrap Server holds the first "bootstrap-request" of "c1"
    When "c1" starts
    Then "c1" begins 2 handshakes with server B, each 1 s or more after the one before
    And "c1" asks for a bootstrap because it gets no session with server B
    And "c1" has begun no more than 2 handshakes with server B
    When the Bootstrap Server puts the key of "c1" in force at server B
    And the Bootstrap Server lets "bootstrap-request" go
    Then "c1" registers with server B

    @needs:x509
    Examples: handshake_failure, decrypt_error
      | mode | answer   |
      | x509 | alert 40 |
      | x509 | alert 51 |

    @needs:rpk
    Examples: the same of a public key
      | mode | answer   |
      | rpk  | alert 40 |
      | rpk  | alert 51 |

  # no_certificate: of SSL 3.0, and nothing to a DTLS client.
  @rule:device-handshake-ignore @rule:device-handshakes-bounded
  Scenario Outline: In mode <mode> the device takes no notice of alert 41, and is registered with its next try
    Given device "c1" with a bootstrap account
    And device "c1" has an account of operator B in mode <mode> that its server was not told, and it says:
      | bootstrapOnFailure | true |
      | retryCount         | 4    |
      | retryTimer         | 1    |
      | sequenceDelay      | 600  |
      | sequenceCount      | 1    |
    And the Bootstrap Server tells server B of "c1" in mode <mode>
    And server B answers handshakes of "c1" with alert 41 until its key is active
    When "c1" starts
    Then "c1" waits for server B as long as it would without that alert
    When the Bootstrap Server puts the key of "c1" in force at server B
    Then "c1" registers with server B
    And "c1" has begun no more than 2 handshakes with server B

    @needs:x509
    Examples: a certificate
      | mode |
      | x509 |

    @needs:rpk
    Examples: a public key
      | mode |
      | rpk  |
