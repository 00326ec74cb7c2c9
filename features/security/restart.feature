@resilience @security @needs:psk @alone
Feature: A LwM2M Server that is restarted, with its DTLS sessions and without them

  Its DTLS port is closed without a word to any device, and opened again where it was. A server that has saved its sessions goes on in them; one that has not
  costs each of its devices a message without an answer, and a handshake.

  @judges:lwm2m-server @should @rule:restart-keeps-sessions
  Scenario: With its sessions no device has to shake hands again
    Given device "c1" is registered with operator A
    When server A is restarted and goes on with its DTLS sessions
    Then "c1" goes on in the session with server A that it had before
    And server A and "c1" have counted 0 handshakes since

  # The twin of the one above.
  @judges:device @must @rule:device-returns
  Scenario: Without its sessions a device finds out when it has something to say, and shakes hands once
    Given device "c1" sends a message again at most 1 times
    And device "c1" is registered with operator A
    When server A is restarted without its DTLS sessions
    Then "c1" finds out with its next Update to server A, and comes back
    And server A and "c1" have counted 1 handshake since

  @judges:lwm2m-server @should @needs:x509 @needs:cid @rule:restart-keeps-sessions @rule:session-follows-address
  Scenario: With its sessions a device with a certificate and a connection id goes on too, and may have another address by then
    Given device "c1" asks for connection ids
    And device "c1" has an account of operator B in mode x509 that its server was not told
    And the Bootstrap Server tells server B of "c1" in mode x509
    And the Bootstrap Server puts the key of "c1" in force at server B
    And "c1" starts
    And "c1" is registered with operator B
    And the records of "c1" carry a connection id
    When server B is restarted and goes on with its DTLS sessions
    Then "c1" goes on in the session with server B that it had before
    And server B and "c1" have counted 0 handshakes since
    When the address of "c1" changes in its session with server B
    Then "c1" goes on in the same session with server B
    And server B reaches "c1" at its new address

  # The twin of the one above.
  @judges:lwm2m-server @must @needs:x509 @needs:cid @rule:lost-sessions
  Scenario: Without its sessions a device with a certificate and a connection id gets another one
    Given device "c1" asks for connection ids
    And device "c1" has an account of operator B in mode x509 that its server was not told
    And the Bootstrap Server tells server B of "c1" in mode x509
    And the Bootstrap Server puts the key of "c1" in force at server B
    And "c1" starts
    And "c1" is registered with operator B
    And the records of "c1" carry a connection id
    When server B is restarted without its DTLS sessions
    Then "c1" offers its session to server B and gets a new one
    And server B and "c1" have counted 1 handshake since
